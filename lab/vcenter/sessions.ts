import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { VimFault } from './fault.js'
import { type UpdateCollector } from './update-collector.js'
import { data, type DataObject, type MoRef } from './vim-value.js'
import { type Selected } from './property-filter.js'

/** Rest of an answer that was handed out in pages. */
export interface PendingPage {
  readonly rest: readonly Selected[]
  readonly maxObjects: number
}

/** One login, known by the value of its cookie. Views, filters and pages live and die with it. */
export class Session {
  readonly cookie = randomBytes(20).toString('hex')
  readonly key = randomUUID()
  readonly userName: string
  readonly ipAddress: string
  readonly userAgent: string
  readonly loginAt = new Date()
  lastActiveAt = new Date()
  callCount = 0
  /** What it made and owns; removed from the inventory at its end. */
  readonly owned = new Set<MoRef>()
  readonly pages = new Map<string, PendingPage>()
  readonly collectors = new Map<string, UpdateCollector>()

  constructor(userName: string, ipAddress: string, userAgent: string) {
    this.userName = userName
    this.ipAddress = ipAddress
    this.userAgent = userAgent
  }

  toData(): DataObject {
    return data('UserSession', {
      key: this.key,
      userName: this.userName,
      fullName: this.userName,
      loginTime: this.loginAt,
      lastActiveTime: this.lastActiveAt,
      locale: 'en',
      messageLocale: 'en',
      extensionSession: false,
      ipAddress: this.ipAddress,
      userAgent: this.userAgent,
      callCount: BigInt(this.callCount),
    })
  }
}

export interface SessionRules {
  readonly user: string
  readonly password: string
  readonly idleMs: number
  readonly now: () => number
}

export class Sessions {
  /** Called after each login and each end of a session. */
  onChange: () => void = () => undefined
  /** Called for each session that ended, to drop what it owned. */
  onEnd: (session: Session) => void = () => undefined
  failedLogins = 0
  private readonly rules: SessionRules
  private readonly byCookie = new Map<string, Session>()
  private readonly activeAtMs = new Map<Session, number>()

  constructor(rules: SessionRules) {
    this.rules = rules
  }

  get all(): readonly Session[] {
    return [...this.byCookie.values()]
  }

  /** The living session of a cookie; counts as activity. An idle one is ended here. */
  touch(cookie: string | null): Session | null {
    this.expire()
    const session = cookie === null ? undefined : this.byCookie.get(cookie)
    if (session === undefined) return null
    this.activeAtMs.set(session, this.rules.now())
    session.lastActiveAt = new Date()
    session.callCount += 1
    return session
  }

  /** Throws InvalidLogin; which of the two was wrong is not told. */
  login(user: string, password: string, ipAddress: string, userAgent: string): Session {
    const right = equalText(user.toLowerCase(), this.rules.user.toLowerCase())
    if (!equalText(password, this.rules.password) || !right) {
      this.failedLogins += 1
      throw new VimFault('InvalidLogin', 'Cannot complete login due to an incorrect user name or password.')
    }
    const session = new Session(this.rules.user, ipAddress, userAgent)
    this.byCookie.set(session.cookie, session)
    this.activeAtMs.set(session, this.rules.now())
    this.onChange()
    return session
  }

  end(session: Session): void {
    if (!this.byCookie.delete(session.cookie)) return
    this.activeAtMs.delete(session)
    for (const collector of session.collectors.values()) collector.cancel()
    this.onEnd(session)
    this.onChange()
  }

  private expire(): void {
    const limit = this.rules.now() - this.rules.idleMs
    for (const [session, activeAt] of this.activeAtMs) if (activeAt < limit) this.end(session)
  }
}

function equalText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
