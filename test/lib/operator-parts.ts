import { type OperatorApiDeps } from '../../agent/http/operator-api.js'
import { passSaga } from '../../agent/replication/pass/saga.js'
import { type Database } from '../../agent/store/database.js'
import { failoverAdmin } from '../../agent/store/failover-admin.js'
import { failoverViews } from '../../agent/store/failover-views.js'
import { jobAdmin } from '../../agent/store/job-admin.js'
import { groupAdmin } from '../../agent/store/groups.js'
import { pointAdmin } from '../../agent/store/point-admin.js'
import { scheduleAdmin } from '../../agent/store/schedule-admin.js'
import { scheduleViews } from '../../agent/store/schedule-views.js'
import { managedVms } from '../../agent/store/managed-vms.js'
import { hardwareHistory } from '../../agent/store/vm-hardware.js'
import { vmRemoval } from '../../agent/store/vm-removal.js'
import { vmPreflights } from '../../agent/store/vm-preflights.js'
import { verificationAdmin } from '../../agent/store/verifications.js'
import { views } from '../../agent/store/views.js'
import { operationAdmin } from '../../agent/store/volume-operation-admin.js'
import { operationViews } from '../../agent/store/volume-operation-views.js'
import { silent } from './saga-harness.js'

const never = (): Promise<never> => Promise.reject(new Error('not in this test'))

/** What the operator's API stands on, over a real database; what needs a CloudStack rejects. */
export function operatorParts(db: Database, now: () => Date): OperatorApiDeps {
  return {
    views: views(db, { version: '9.9.9', now, workerSilenceMs: 30_000, passSteps: passSaga.steps }),
    admin: jobAdmin(db, now),
    managed: managedVms(db, now),
    removal: vmRemoval(db, now),
    hardware: hardwareHistory(db),
    verifications: verificationAdmin(db, now),
    preflights: { run: () => Promise.resolve(), last: vmPreflights(db, now).last },
    cloudstack: { certificate: never, discover: never, read: never, save: never, validate: never },
    volumes: {
      admin: operationAdmin(db, now),
      views: operationViews(db),
      looks: {
        status: never,
        device: never,
        ofDevice: never,
        ofVm: never,
        exports: never,
        health: never,
      },
      orphans: { findings: never, sync: never, remove: never },
    },
    points: {
      admin: pointAdmin(db, now),
      disks: { open: never, close: never, list: () => Promise.resolve([]) },
    },
    scheduling: {
      schedules: scheduleAdmin(db, now),
      groups: groupAdmin(db, now),
      views: scheduleViews(db, { now, report: () => ({ lastTurnAt: null, lastFailure: null }) }),
    },
    failovers: {
      admin: failoverAdmin(db, now),
      views: failoverViews(db),
      networks: { of: never, replace: never },
      explain: never,
      onWork: () => undefined,
      onCancel: () => undefined,
      onRetry: () => undefined,
    },
    onWork: () => undefined,
    onCancel: () => undefined,
    onRetry: () => undefined,
    logger: silent,
  }
}
