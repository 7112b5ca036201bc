import { useEffect, useState } from 'preact/hooks'
import { hashOfRoute, PAGES, type Page, routeOf } from './model/route.ts'
import { shown } from './model/shown.ts'
import { clockOf } from './model/words.ts'
import { type Theme, theme } from './parts/theme.ts'
import { TokenDialog } from './parts/token-dialog.tsx'
import { followServer, server } from './server.ts'
import { useStore } from './store.ts'
import { Demo } from './views/demo.tsx'
import { GroupPage } from './views/group.tsx'
import { GroupsPage } from './views/groups.tsx'
import { MetricsPage } from './views/metrics.tsx'
import { Overview } from './views/overview.tsx'
import { ServicesPage } from './views/services.tsx'
import { TopicsPage } from './views/topics.tsx'

const TITLES: Readonly<Record<Page, string>> = {
  overview: 'Overview',
  groups: 'Groups',
  services: 'Services',
  topics: 'Topics',
  metrics: 'Metrics',
}

const useRoute = () => {
  const [route, setRoute] = useState(() => routeOf(location.hash))
  useEffect(() => {
    const changed = () => {
      setRoute(routeOf(location.hash))
      // As after a new page, so that a screen reader says where one is.
      document.getElementById('main')?.focus()
    }
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return route
}

export const App = () => {
  const route = useRoute()
  const { connection } = useStore(server)
  const [round, setRound] = useState(0)
  const isLocked = connection === 'locked'
  // Once more with a new token, and not at all without one: each refusal is a line in somebody's audit log.
  useEffect(() => (isLocked ? undefined : followServer()), [round, isLocked])
  const { page, name } = route
  useEffect(() => {
    document.title = `${shown(name ?? TITLES[page])} – Caucus`
  }, [page, name])
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <Header page={page} again={() => setRound((before) => before + 1)} />
      <Lost />
      {!isLocked && <Demo />}
      <main id="main" tabIndex={-1}>
        {!isLocked && <View key={round} page={page} name={name} />}
      </main>
      {isLocked && <Locked again={() => setRound((before) => before + 1)} />}
    </>
  )
}

/** A link within the page would be taken for a view. */
const skip = () => {
  document.getElementById('main')?.focus()
}

const View = ({ page, name }: { page: Page; name: string | undefined }) => {
  switch (page) {
    case 'overview':
      return <Overview />
    case 'groups':
      return name === undefined ? <GroupsPage /> : <GroupPage key={name} name={name} />
    case 'services':
      return <ServicesPage name={name} />
    case 'topics':
      return <TopicsPage name={name} />
    case 'metrics':
      return <MetricsPage />
  }
}

const Header = ({ page, again }: { page: Page; again: () => void }) => {
  const { connection, operates, status, peers } = useStore(server)
  const { chosen } = useStore(theme)
  const asked = peers === undefined || peers === 'none' ? status?.instanceId.slice(0, 12) : peers.identifier
  const [asks, setAsks] = useState(false)
  useEffect(() => {
    document.documentElement.dataset.theme = chosen
  }, [chosen])
  const operate = () => (operates ? server.set({ operates: false }) : setAsks(true))
  const begin = (withToken: boolean) => {
    setAsks(false)
    server.set({ operates: true })
    if (withToken) again()
  }
  return (
    <header>
      <p class="brand">
        <Mark />
        Caucus <span class="quiet">{asked}</span>
      </p>
      <nav aria-label="Views">
        {PAGES.map((each) => (
          <a key={each} href={hashOfRoute({ page: each })} {...(each === page && { 'aria-current': 'page' as const })}>
            {TITLES[each]}
          </a>
        ))}
      </nav>
      <div class="tools">
        <span class={`pill ${connection}`} role="status">
          {{ connecting: 'Connecting', live: 'Live', lost: 'Connection lost', locked: 'Locked' }[connection]}
        </span>
        <label class="compact">
          <span class="hidden">Theme</span>
          <select value={chosen} onChange={(event) => theme.set({ chosen: event.currentTarget.value as Theme })}>
            <option value="auto">System</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </select>
        </label>
        <button type="button" aria-pressed={operates} onClick={operate}>
          {operates ? 'Stop operating' : 'Operate'}
        </button>
      </div>
      {asks && <Operate done={begin} close={() => setAsks(false)} />}
    </header>
  )
}

/** Some who have come together, one of whom leads. */
const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="7" fill="#20304a" />
    <circle cx="16" cy="8" r="3.5" fill="#ffd166" />
    <circle cx="8" cy="21" r="3.5" fill="#5ec8f2" />
    <circle cx="24" cy="21" r="3.5" fill="#7ddf9c" />
    <path d="M16 12 9.500 18M16 12l6.500 6M12 21h8" stroke="#fff" stroke-width="1.600" fill="none" />
  </svg>
)

const ABOUT_OPERATING =
  'With a token of the role admin you can drain, evict, freeze and hand over the lead. Each is written to the audit log of the server.'

const Operate = ({ done, close }: { done: (withToken: boolean) => void; close: () => void }) => (
  <>
    <TokenDialog
      title="Operate this cluster"
      about={ABOUT_OPERATING}
      done={() => done(true)}
      close={close}
      instead={{ label: 'Go on without another token', act: () => done(false) }}
    />
  </>
)

const Locked = ({ again }: { again: () => void }) => {
  const [asks, setAsks] = useState(true)
  const unlock = () => {
    server.set({ connection: 'connecting' })
    again()
  }
  return asks ? (
    <TokenDialog
      title="This server wants a token"
      about="The same token with which members and the command line come. To look, the role read is enough."
      done={unlock}
      close={() => setAsks(false)}
    />
  ) : (
    <section class="card">
      <p>Nothing is shown without a token.</p>
      <button type="button" class="primary" onClick={() => setAsks(true)}>
        Give a token
      </button>
    </section>
  )
}

const Lost = () => {
  const { connection, why, lostSinceMs } = useStore(server)
  return (
    <div role="alert">
      {connection === 'lost' && (
        <p class="lost">
          Connection lost at {clockOf(lostSinceMs)}: {why}. What you see is from before; it is tried again every second.
        </p>
      )}
    </div>
  )
}
