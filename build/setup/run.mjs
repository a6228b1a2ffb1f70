import { spawn } from 'node:child_process'

/** A step that could not be done; the message says what to do next. */
export class StepFailed extends Error {}

/** Runs a program to its end, in its own process group so that an interrupt ends all of it. Rejects with StepFailed. */
export function run(program, argv, advice, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = text => {
      output = (output + text.toString()).slice(-6000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const interrupt = signal => {
      process.kill(-child.pid, signal)
      process.exitCode = 130
    }
    process.once('SIGINT', interrupt)
    process.once('SIGTERM', interrupt)
    const forget = () => {
      process.off('SIGINT', interrupt)
      process.off('SIGTERM', interrupt)
    }
    child.on('error', cause => {
      forget()
      reject(new StepFailed(`${program} cannot be started: ${cause.message}\n${advice}`))
    })
    child.on('close', (code, signal) => {
      forget()
      if (code === 0) resolve(output)
      else
        reject(
          new StepFailed(
            `${program} ${argv.join(' ')} ended with ${signal ?? code}:\n${lastLines(output)}\n${advice}`,
          ),
        )
    })
  })
}

const lastLines = text => text.trimEnd().split('\n').slice(-15).join('\n')
