import { MIB, type Bytes } from './units.js'

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof weekdays)[number]

/** Bytes in a second of all disks together; null: not limited. */
export interface Rates {
  readonly read: Bytes | null
  readonly send: Bytes | null
}

/**
 * A stretch of some days, by the clock on the wall, from `fromMinute` up to but without `toMinute` of the day. One that ends
 * before it begins goes on into the next day; one that ends where it begins lasts a whole day.
 */
export interface DayWindow {
  readonly days: readonly Weekday[]
  readonly fromMinute: number
  readonly toMinute: number
}

export interface RateWindow extends Rates, DayWindow {}

export interface Timetable {
  /** An IANA name such as `Europe/Berlin`. */
  readonly timeZone: string
  readonly otherwise: Rates
  /** The first that holds counts. */
  readonly windows: readonly RateWindow[]
}

/** What the source site may be loaded with. */
export interface LoadLimits {
  readonly timetable: Timetable
  /** Disks read at the same time. */
  readonly disksPerHost: number
  readonly disksPerDatastore: number
  /** No snapshot is taken, and none stays, where a datastore of the VM has less free. */
  readonly datastoreFloorBytes: Bytes
}

/**
 * vSphere's own limits are higher (52 connections of NFC through vCenter, 48 MB of buffers of a host), but ESXi slows all
 * readers down above eight.
 */
export const usualLimits: LoadLimits = {
  timetable: { timeZone: 'UTC', otherwise: { read: null, send: null }, windows: [] },
  disksPerHost: 8,
  disksPerDatastore: 8,
  datastoreFloorBytes: 2048n * MIB,
}

/** What holds at an instant. Clocks that are put forward or back make windows shorter or longer, as they do a working day. */
export function ratesAt({ timeZone, otherwise, windows }: Timetable, at: Date): Rates {
  const holding = windowAt(windows, timeZone, at)
  return holding === undefined ? otherwise : { read: holding.read, send: holding.send }
}

/** The first that holds at an instant. */
export function windowAt<Window extends DayWindow>(
  windows: readonly Window[],
  timeZone: string,
  at: Date,
): Window | undefined {
  if (windows.length === 0) return undefined
  const { day, minute } = wallClock(at, timeZone)
  return windows.find(window => holds(window, day, minute))
}

/**
 * The rate of reading that keeps both limits, shared by the copies that run. Nothing is sent that was not read before, so
 * reading no faster than may be sent is enough. Null: not limited.
 */
export function rateOfEach({ read, send }: Rates, copies: number): Bytes | null {
  const total = read === null ? send : send === null || read < send ? read : send
  if (total === null) return null
  const share = total / BigInt(Math.max(1, copies))
  // Zero would lift the limit of a copy.
  return share > 0n ? share : 1n
}

function holds({ days, fromMinute, toMinute }: DayWindow, day: Weekday, minute: number): boolean {
  const began = days.includes(day)
  if (fromMinute < toMinute) return began && minute >= fromMinute && minute < toMinute
  return (began && minute >= fromMinute) || (days.includes(dayBefore(day)) && minute < toMinute)
}

const dayBefore = (day: Weekday): Weekday => weekdays[(weekdays.indexOf(day) + 6) % 7] ?? day

function wallClock(at: Date, timeZone: string): { readonly day: Weekday; readonly minute: number } {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at)
  const part = (type: string): string => parts.find(one => one.type === type)?.value ?? ''
  const day = weekdays.find(name => name === part('weekday').toLowerCase())
  if (day === undefined) throw new Error(`the calendar of ${timeZone} has an unknown day`)
  return { day, minute: Number(part('hour')) * 60 + Number(part('minute')) }
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: name })
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
