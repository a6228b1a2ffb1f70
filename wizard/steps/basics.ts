import { always, choice, noProblems, secret, text, type WizardStep } from '../step.js'

export const keyboardStep: WizardStep = {
  id: 'keyboard',
  title: 'Keyboard',
  applies: always,
  notes: () => ['Choose the layout first: a password typed on the wrong one is the wrong password.'],
  fields: () => [
    choice(
      'keyboard.layout',
      'Keyboard layout',
      ['us', 'English (US)'],
      ['gb', 'English (UK)'],
      ['de', 'German'],
      ['fr', 'French'],
      ['es', 'Spanish'],
      ['it', 'Italian'],
      ['jp', 'Japanese'],
    ),
    text('keyboard.trial', 'Try it here', () => null),
  ],
  problems: noProblems,
}

export const roleStep: WizardStep = {
  id: 'role',
  title: 'Role',
  applies: always,
  notes: () => [
    'One image makes both appliances: the VMA reads disks beside vCenter, the OMA owns all state in CloudStack.',
  ],
  fields: () => [
    choice(
      'role.role',
      'This appliance is',
      ['oma', 'OMA, inside CloudStack'],
      ['vma', 'VMA, beside vCenter'],
    ),
  ],
  problems: noProblems,
}

const minimumLength = 12

export const passwordStep: WizardStep = {
  id: 'admin',
  title: 'Administrator',
  applies: always,
  notes: () => ['The password of the user admin, at this console and over SSH. Only its hash is stored.'],
  fields: (_answers, _facts, kept) => [
    secret('admin.password', 'Password', kept, value => {
      if (Array.from(value).length >= minimumLength) return null
      return `At least ${minimumLength} characters; a few words make a good one.`
    }),
    secret('admin.again', 'The same again', kept, () => null),
  ],
  problems: answers =>
    (answers['admin.password'] ?? '') === (answers['admin.again'] ?? '')
      ? {}
      : { 'admin.again': 'The two passwords differ: type the same one twice.' },
}
