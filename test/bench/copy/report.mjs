// Medians, rows and the table of docs/performance.md.
export const median = values => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const rounded = (value, digits = 3) => Number(value.toFixed(digits))
const medianOf = (runs, key) => rounded(median(runs.map(run => run[key])))

/** One row for each peer; `rss_mib` is the engine's highest peak above its idle process. */
export function rowsOf(load, runs, movedBytes) {
  const { engine, ...peers } = runs
  return Object.entries(peers).map(([peer, theirs]) => ({
    load,
    peer,
    ratio: rounded(median(engine.map((run, round) => theirs[round].seconds / run.seconds))),
    seconds: medianOf(engine, 'seconds'),
    peer_seconds: medianOf(theirs, 'seconds'),
    moved_mib: Math.round(movedBytes / 1024 ** 2),
    rss_mib: rounded(Math.max(...engine.map(run => run.rssMib)), 1),
    peer_rss_mib: rounded(Math.max(...theirs.map(run => run.rssMib)), 1),
    cpu_seconds: medianOf(engine, 'cpuSeconds'),
    peer_cpu_seconds: medianOf(theirs, 'cpuSeconds'),
    servers_cpu_seconds: medianOf(engine, 'serversCpuSeconds'),
    peer_servers_cpu_seconds: medianOf(theirs, 'serversCpuSeconds'),
    /** All the time the event loop had work to do; `loop_held_ms` also holds its waits for a CPU. */
    loop_busy_ms: rounded(Math.max(...engine.map(run => run.loopBusyMs)), 1),
    loop_held_ms: rounded(Math.max(...engine.map(run => run.loopHeldMs)), 1),
    rounds: engine.length,
    identical: engine.every(run => run.identical),
    peer_identical: theirs.every(run => run.identical),
  }))
}

const columns = [
  ['load', row => row.load],
  ['peer', row => row.peer],
  ['ratio', row => row.ratio.toFixed(2)],
  ['s', row => row.seconds.toFixed(3)],
  ['peer s', row => row.peer_seconds.toFixed(3)],
  ['CPU s', row => row.cpu_seconds.toFixed(2)],
  ['peer CPU s', row => row.peer_cpu_seconds.toFixed(2)],
  ['servers CPU s', row => row.servers_cpu_seconds.toFixed(2)],
  ['with peer', row => row.peer_servers_cpu_seconds.toFixed(2)],
  ['RSS MiB', row => row.rss_mib.toFixed(0)],
  ['peer RSS', row => row.peer_rss_mib.toFixed(0)],
  ['identical', row => (row.identical ? 'yes' : 'NO')],
]

export function table(rows) {
  const cells = [columns.map(([title]) => title), columns.map(() => '---')]
  for (const row of rows) cells.push(columns.map(([, of]) => of(row)))
  return cells.map(line => `| ${line.join(' | ')} |`).join('\n')
}
