/**
 * The oldest vSphere each major version of VDDK reads: two releases before its own, by VMware's release notes of VDDK 6.7,
 * 7.0 and 8.0 and Broadcom's of 9.0. None promises anything for a vSphere newer than itself.
 */
const oldestRead: ReadonlyMap<number, Version> = new Map([
  [6, [5, 5]],
  [7, [6, 5]],
  [8, [6, 7]],
  [9, [7, 0]],
] as const)

type Version = readonly [number, number]

export type VddkVerdict = 'fits' | 'vsphere-too-old' | 'vsphere-too-new' | 'unknown'

/** Whether disks of this vSphere (such as `8.0.1`) may be read by this major version of the library. */
export function vddkVerdict(vddkMajor: number, vsphere: string): VddkVerdict {
  const oldest = oldestRead.get(vddkMajor)
  const version = versionOf(vsphere)
  if (oldest === undefined || version === undefined) return 'unknown'
  if (version[0] > vddkMajor) return 'vsphere-too-new'
  return isBefore(version, oldest) ? 'vsphere-too-old' : 'fits'
}

function versionOf(text: string): Version | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})(\.|$)/.exec(text)
  return match === null ? undefined : [Number(match[1]), Number(match[2])]
}

const isBefore = (one: Version, other: Version): boolean =>
  one[0] < other[0] || (one[0] === other[0] && one[1] < other[1])
