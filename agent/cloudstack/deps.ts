import { type ApiKey } from './signature.js'

/** What is remembered of a changing command, so that a restarted agent goes on with it instead of sending it again. */
export type JournalEntry =
  /** It was about to be sent; whether it arrived is not known. */
  | { readonly state: 'intended' }
  /** CloudStack works on it. */
  | { readonly state: 'waiting'; readonly jobId: string }

export type ChangeEnd = 'succeeded' | 'failed' | 'adopted'

/**
 * The saved record of changing commands, by operation: the same wish has the same operation, after a restart too. Each
 * method is one statement; a database that does not answer rejects with STORE_UNAVAILABLE, and nothing is sent then.
 */
export interface ChangeJournal {
  /** Undefined: nothing of this operation is under way. */
  readonly unfinished: (operation: string) => Promise<JournalEntry | undefined>
  readonly intend: (operation: string, command: string) => Promise<void>
  readonly jobStarted: (operation: string, jobId: string) => Promise<void>
  readonly ended: (operation: string, end: ChangeEnd) => Promise<void>
}

/** What an operator chose among the resources of the zone; all are ids of CloudStack. */
export interface CloudstackChoice {
  readonly zoneId: string
  /** A custom one: its size is given with each volume. */
  readonly diskOfferingId: string
  /** The VM this appliance is. */
  readonly applianceVmId: string
  /** For the VMs of a failover; null: not chosen yet. */
  readonly networkId: string | null
  readonly templateId: string | null
  readonly serviceOfferingId: string | null
}

export interface CloudstackConfiguration {
  /** Grows by one with each change; the first is 1. */
  readonly revision: number
  readonly url: string
  /** Null only where the address is plain http. */
  readonly thumbprintSha256: string | null
  readonly signatureVersion: 1 | 3
  /** Where the key is kept; the key itself is never in the database. */
  readonly credentialsRef: string
  readonly choice: CloudstackChoice
  readonly updatedAt: Date
}

/** The one stored configuration. A database that does not answer rejects with STORE_UNAVAILABLE. */
export interface ConfigurationStore {
  readonly read: () => Promise<CloudstackConfiguration | undefined>
  /** Replaces revision `expected` (0: there is none yet) by the next; false when another revision is stored. */
  readonly replace: (
    expected: number,
    configuration: Omit<CloudstackConfiguration, 'revision' | 'updatedAt'>,
  ) => Promise<boolean>
}

/** Keys, each under a reference that is never used for another. Rejects with CLOUDSTACK_CREDENTIALS_LOST. */
export interface CredentialsStore {
  /** Resolves when the key survives a power cut. */
  readonly add: (key: ApiKey) => Promise<string>
  readonly read: (ref: string) => Promise<ApiKey>
  readonly remove: (ref: string) => Promise<void>
  /** Removes what a crash left. */
  readonly keepOnly: (ref: string | undefined) => Promise<void>
}

/** How this machine can be told from others: as its firmware and its network cards say. */
export interface MachineIdentity {
  /** Undefined: the firmware does not tell. */
  readonly systemUuid: string | undefined
  readonly macAddresses: readonly string[]
}
