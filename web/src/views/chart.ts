import Plot from 'uplot'
import 'uplot/dist/uPlot.min.css'

const HEIGHT = 130

export interface Chart {
  show(times: readonly number[], values: readonly (number | null)[]): void
  close(): void
}

export const drawChart = (box: HTMLElement, isDark: boolean): Chart => {
  const ink = isDark ? '#aeb6c4' : '#4a5260'
  const line = isDark ? '#5ec8f2' : '#12679b'
  const grid = { stroke: isDark ? '#333a47' : '#e2e6ec', width: 1 }
  const axis = { stroke: ink, grid, ticks: grid }
  const plot = new Plot(
    {
      width: Math.max(200, box.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
      axes: [axis, { ...axis, size: 54 }],
      series: [{}, { stroke: line, width: 1.5, fill: isDark ? '#5ec8f222' : '#12679b18' }],
    },
    [[], []],
    box,
  )
  const observer = new ResizeObserver(() => plot.setSize({ width: Math.max(200, box.clientWidth), height: HEIGHT }))
  observer.observe(box)
  return {
    show: (times, values) => plot.setData([[...times], [...values]]),
    close: () => {
      observer.disconnect()
      plot.destroy()
    },
  }
}
