import { statement } from './statement.js'

/** What was read of each disk, and whether it was found again where it was written (domain/read-proof.ts). */
export const evidence = [
  statement(
    '0090-pass-disks-read-proof',
    `ALTER TABLE pass_disks
      ADD COLUMN IF NOT EXISTS read_areas CHAR(64) NULL,
      ADD COLUMN IF NOT EXISTS read_sum CHAR(32) NULL,
      ADD COLUMN IF NOT EXISTS is_checked BOOLEAN NULL`,
  ),
] as const
