import { resolve } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Config } from '../core/config'
import { errorCodes, fail } from '../core/errors'
import { findSocket } from '../embedded/unix-socket'
import { controlSocket, snapshotPath } from './control-protocol'
import { Accounts, type UserCommand } from './user-admin'

const Success = Type.Object({ ok: Type.Literal(true), value: Accounts })
const Refusal = Type.Object({
  code: Type.Union(errorCodes.map((code) => Type.Literal(code))),
  errors: Type.Array(Type.Object({ pointer: Type.String(), message: Type.String() })),
})

const SnapshotResult = Type.Object({
  ok: Type.Literal(true),
  value: Type.Union([
    Type.Object({ heldMilliseconds: Type.Number() }),
    Type.Object({ problem: Type.String() }),
  ]),
})

const otherVersion = 'the running service speaks another version of fastkit'
const probeMilliseconds = 1000
const maxCommandMilliseconds = 20_000

/** The path of the control socket in `DATA_DIR`; `null` when no service accepts commands on it. */
export async function runningService({ dataDir }: Config): Promise<string | null> {
  const unix = findSocket(resolve(dataDir), controlSocket)
  if (!unix) return null
  try {
    const signal = AbortSignal.timeout(probeMilliseconds)
    const { ok } = await fetch('http://control/', { unix, signal })
    return ok ? unix : null
  } catch {
    return null
  }
}

/** Sends a command to the running service. Throws the error of the service. */
export async function sendCommand(unix: string, command: UserCommand): Promise<Accounts> {
  const result = await post(unix, command)
  if (Value.Check(Success, result)) return result.value
  if (Value.Check(Refusal, result)) throw refusal(result)
  throw new Error(otherVersion)
}

/** Makes the running service copy its database. Throws the error of the service, or an Error when the copy failed. */
export async function requestSnapshot(unix: string): Promise<void> {
  const response = await fetch(`http://control${snapshotPath}`, { unix, method: 'POST' }).catch(
    connectionLost,
  )
  const value: unknown = await response.json().catch(connectionLost)
  if (Value.Check(Refusal, value)) throw refusal(value)
  if (!Value.Check(SnapshotResult, value)) throw new Error(otherVersion)
  if ('problem' in value.value)
    throw new Error(`the service could not copy its database: ${value.value.problem}`)
}

function connectionLost(cause: unknown): never {
  throw new Error('the service ended before it had copied its database', { cause })
}

async function post(unix: string, command: UserCommand): Promise<unknown> {
  try {
    const signal = AbortSignal.timeout(maxCommandMilliseconds)
    const headers = { 'content-type': 'application/json' }
    const response = await fetch('http://control/', {
      unix,
      signal,
      headers,
      method: 'POST',
      body: JSON.stringify(command),
    })
    return await response.json()
  } catch (cause) {
    throw new Error('the service gave no answer; `fastkit user list` shows whether it was done', { cause })
  }
}

const refusal = ({ code, errors }: Static<typeof Refusal>) => fail(code, { errors })
