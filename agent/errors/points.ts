import { row } from './row.js'

/** What keeping points and going back to them can meet. */
export const pointErrors = {
  POINT_UNUSABLE: row(
    409,
    'after-operator',
    'The recovery point cannot be used: it is not kept any more, or not yet on its volumes.',
    'List the points of the job; each that cannot be used says why. Choose a usable one.',
  ),
  POINT_IN_USE: row(
    409,
    'after-delay',
    'The recovery point is exported as disks just now.',
    'Close the exports of the point, or wait until their leases end.',
  ),
  UNDO_LOST: row(
    500,
    'never',
    'What a recovery point is read through is not there, so the point is lost.',
    'Choose a newer point. Look after the disk of the OMA where undo is kept.',
  ),
  UNDO_FULL: row(
    507,
    'after-delay',
    'There is no room for what would be overwritten. The volumes are as they were.',
    'Free or add space where the OMA keeps undo, raise the cap of the job, or let older points go.',
  ),
  UNDO_INVALID: row(
    500,
    'after-operator',
    'Saved undo does not hold what is going to be overwritten, so nothing was written.',
    'Send the log of the volume daemon to support.',
  ),
}
