import { Agent, request } from 'undici'
import { operatorClient, type OperatorClient, type Send } from '../../agent/api/client.js'
import { pointClient, type PointClient } from '../../agent/api/point-client.js'
import { failoverClient, type FailoverClient } from '../../agent/api/failover-client.js'
import { scheduleClient, type ScheduleClient } from '../../agent/api/schedule-client.js'
import { volumeClient, type VolumeClient } from '../../agent/api/volume-client.js'

export interface OperatorLink {
  readonly client: OperatorClient
  readonly volumes: VolumeClient
  readonly points: PointClient
  readonly failovers: FailoverClient
  readonly schedules: ScheduleClient
  readonly close: () => Promise<void>
}

/** The operator's API over the agent's unix socket, as scripts use it. */
export function operatorLink(socketPath: string): OperatorLink {
  const dispatcher = new Agent({ connect: { socketPath } })
  const send: Send = async (method, path, body) => {
    const reply = await request(`http://agent${path}`, {
      dispatcher,
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await reply.body.text()
    const parsed: unknown = text === '' ? null : JSON.parse(text)
    return { status: reply.statusCode, body: parsed }
  }
  return {
    client: operatorClient(send),
    volumes: volumeClient(send),
    points: pointClient(send),
    failovers: failoverClient(send),
    schedules: scheduleClient(send),
    close: () => dispatcher.close(),
  }
}
