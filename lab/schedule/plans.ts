import { type Pattern } from './expected.js'

const everyDay = (): boolean => true

export interface Plan {
  readonly name: string
  readonly cron: string
  readonly timeZone: string
  readonly misfire: 'run-once' | 'skip'
  readonly pattern: Pattern
}

/** Two zones, one of them with clock changes of half an hour; times inside both kinds of change. */
export const plans: readonly Plan[] = [
  {
    name: 'Berlin 02:30',
    cron: '0 30 2 * * *',
    timeZone: 'Europe/Berlin',
    misfire: 'run-once',
    pattern: { hours: [2], minutes: [30], isDay: everyDay },
  },
  {
    name: 'Berlin every 4 hours',
    cron: '0 10 */4 * * *',
    timeZone: 'Europe/Berlin',
    misfire: 'skip',
    pattern: { hours: [0, 4, 8, 12, 16, 20], minutes: [10], isDay: everyDay },
  },
  {
    name: 'Berlin end of the month',
    cron: '0 0 22 L * *',
    timeZone: 'Europe/Berlin',
    misfire: 'run-once',
    pattern: {
      hours: [22],
      minutes: [0],
      isDay: ({ year, month, day }) => day === new Date(Date.UTC(year, month, 0)).getUTCDate(),
    },
  },
  {
    name: 'Lord Howe 02:15, in the gap',
    cron: '0 15 2 * * *',
    timeZone: 'Australia/Lord_Howe',
    misfire: 'skip',
    pattern: { hours: [2], minutes: [15], isDay: everyDay },
  },
  {
    name: 'Lord Howe 01:45, shown twice',
    cron: '0 45 1 * * *',
    timeZone: 'Australia/Lord_Howe',
    misfire: 'run-once',
    pattern: { hours: [1], minutes: [45], isDay: everyDay },
  },
  {
    name: 'Lord Howe every hour',
    cron: '0 0 * * * *',
    timeZone: 'Australia/Lord_Howe',
    misfire: 'run-once',
    pattern: { hours: null, minutes: [0], isDay: everyDay },
  },
]
