import { VimFault } from './fault.js'
import { type Handler } from './vcenter.js'
import { data, refList, textList, textOf } from './vim-value.js'

/** The user has every privilege that no fault rule takes away. */
const hasPrivilegeOnEntities: Handler = (vcenter, call) => {
  const sessionId = textOf(call.args, 'sessionId')
  if (!vcenter.sessions.all.some(session => session.key === sessionId))
    throw new VimFault('NotFound', 'The object or item referred to could not be found.')
  return refList(call.args, 'entity').map(entity => {
    vcenter.inventory.get(entity)
    return data('EntityPrivilege', {
      entity,
      privAvailability: textList(call.args, 'privId').map(privId =>
        data('PrivilegeAvailability', { privId, isGranted: vcenter.faults.mayUse(entity, privId) }),
      ),
    })
  })
}

export const authorizationMethods: Readonly<Record<string, Handler>> = {
  HasPrivilegeOnEntities: hasPrivilegeOnEntities,
}
