import { useEffect, useRef, useState } from 'preact/hooks'
import { MEASURES } from '../model/prometheus.ts'
import { useIsDark } from '../parts/theme.ts'
import { series, server } from '../server.ts'
import { useStore } from '../store.ts'
import type { Chart } from './chart.ts'

/** Numbers of this server over the time since the page was opened. */
export const MetricsPage = () => {
  const { readings, peers } = useStore(server)
  const asked = peers === undefined || peers === 'none' ? 'this server' : peers.identifier
  return (
    <>
      <h1>Metrics</h1>
      <p class="lead">
        Of {asked} alone, since this page was opened; the members are those of all groups. Work is counted where it is
        done: where somebody leads a cluster, mostly there. What each number means: docs/metrics.md.
      </p>
      {readings === 0 && <p aria-busy="true">Waiting for the first numbers…</p>}
      <div class="charts">
        {MEASURES.map(({ title, unit }, i) => (
          <Measured key={title} title={title} unit={unit} at={i} readings={readings} />
        ))}
      </div>
    </>
  )
}

interface MeasuredProps {
  readonly title: string
  readonly unit: string
  readonly at: number
  readonly readings: number
}

const Measured = ({ title, unit, at, readings }: MeasuredProps) => {
  const box = useRef<HTMLDivElement>(null)
  const [chart, setChart] = useState<Chart>()
  const isDark = useIsDark()
  useEffect(() => {
    let own: Chart | undefined
    let isOver = false
    // Not needed for the first view, so not a part of it.
    void import('./chart.ts').then(({ drawChart }) => {
      if (isOver || box.current === null) return
      own = drawChart(box.current, isDark)
      setChart(own)
    })
    return () => {
      isOver = true
      own?.close()
    }
  }, [isDark])
  useEffect(() => chart?.show(series.times, series.values[at] ?? []), [chart, readings])
  const last = series.values[at]?.at(-1)
  return (
    <figure class="card">
      <figcaption>
        <span>
          {title} <span class="quiet">{unit}</span>
        </span>
        <strong class="value">
          {last === undefined || last === null ? '–' : Number(last.toFixed(2)).toLocaleString('en')}
        </strong>
      </figcaption>
      <div ref={box} class="chart" aria-hidden="true" />
    </figure>
  )
}
