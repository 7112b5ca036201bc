// A registry with one schedule, which says when it is started.
export const Cron = () => () => undefined

let tellStarted
/** Resolves once the schedule has been started. */
export const started = new Promise((resolve) => {
  tellStarted = resolve
})

export class SchedulerRegistry {
  #jobs = new Map([['nightly', { start: () => tellStarted(), stop() {} }]])

  getCronJobs() {
    return this.#jobs
  }
}
