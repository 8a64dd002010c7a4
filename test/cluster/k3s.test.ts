import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { findEngine } from '../image/engine.ts'
import { pullImage, startK3sIn } from './k3s.ts'
import { run } from './sources/source.ts'
import { kubectlPath } from './tools.ts'

const log = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

// The tests of the image install an engine where that is allowed. One that has to be installed has no K3s either.
Object.assign(process.env, { CI: '', TRACARDI_TEST_INSTALL: '' })
const search = await findEngine(log)
const engine = 'engine' in search ? search.engine : undefined
afterAll(() => engine?.[Symbol.asyncDispose]())

it.skipIf(engine === undefined)('gives up on a registry that says nothing', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const image = `127.0.0.1:${(silent.address() as AddressInfo).port}/k3s:none`
  expect(await pullImage(engine!.client, image, 1_000)).toBe(`${image} cannot be pulled: nothing came for 1 s`)
  silent.close()
})

const found = 'reason' in search ? search : await startK3sIn(search.engine, { nodes: 1, log })
const reason = 'reason' in found ? found.reason : undefined
if (reason !== undefined) log(`The tests of K3s are skipped: ${reason}.`)

describe.skipIf(reason !== undefined)(`K3s${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  afterAll(async () => {
    if ('cluster' in found) await found.cluster.stop()
  })

  it('runs a Deployment on the nodes of KWOK, and lets one act as a ServiceAccount', async () => {
    if ('reason' in found) throw new Error(found.reason)
    const path = await kubectlPath()
    const kubectl = async (kubeconfig: string, args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await run(path, ['--kubeconfig', kubeconfig, ...args])
      if (code !== 0) throw new Error(stderr)
      return stdout
    }
    const admin = found.cluster.kubeconfigPath
    await kubectl(admin, ['create', 'deployment', 'web', '--image=none', '--replicas=2'])
    await kubectl(admin, ['rollout', 'status', 'deployment/web', '--timeout=60s'])
    const limited = await found.cluster.serviceAccountKubeconfig('default', 'default')
    const user = await kubectl(limited, ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'])
    expect(user).toBe('system:serviceaccount:default:default')
    expect(await readFile(found.cluster.auditLogPath, 'utf8')).toContain('"name":"web"')
  })
})
