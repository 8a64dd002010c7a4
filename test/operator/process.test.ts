// The process from outside: arguments, exit codes, output, endpoints, rights.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { AuditLog } from './support/audit-log.ts'
import { Kube, waitFor } from './support/kube.ts'
import { readLog, startOperator } from './support/operator-process.ts'

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tracardi-process-'))
})

afterAll(() => rm(directory, { recursive: true, force: true }))

/** Runs the operator to its end. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}, kubeconfig?: string) {
  await using operator = await startOperator({
    directory,
    args,
    env,
    ...(kubeconfig !== undefined && { kubeconfig }),
  })
  const exit = await operator.exited
  return {
    ...exit,
    stdout: await readFile(operator.stdoutFile, 'utf8'),
    stderr: await readFile(operator.stderrFile, 'utf8'),
  }
}

/** A kubeconfig of a cluster that does not answer: port 1 is never listened on. */
async function deadKubeconfig(): Promise<string> {
  const path = join(directory, 'dead.kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'x',
    clusters: [{ name: 'x', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'x', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
  }
  await writeFile(path, JSON.stringify(config))
  return path
}

describe('arguments', () => {
  test('all mistakes at once, each by name, none with its value; exit code 2', async () => {
    const canary = 'canary-value'
    const { code, stdout, stderr } = await run(
      ['--http-address', canary, '--cache-ttl=2h', '--no-such-flag=1', '--leader-elect=perhaps', 'stray'],
      { TRACARDI_OPERATOR_LOG_LEVEL: 'loud', TRACARDI_OPERATOR_CACHE: canary },
    )
    expect(code).toBe(2)
    expect(stdout).toBe('')
    for (const part of [
      '--http-address: must be HOST:PORT',
      '--cache-ttl: must be between 0s and 60s',
      '--no-such-flag',
      '--leader-elect: must be true or false',
      'TRACARDI_OPERATOR_LOG_LEVEL: must be one of debug, info, warn, error',
      'TRACARDI_OPERATOR_CACHE: there is no such setting',
      'no flag',
    ])
      expect(stderr).toContain(part)
    expect(stderr).not.toContain(canary)
    expect(stderr).not.toContain('stray')
  })

  test.each([
    [['--version'], /^tracardi-operator \d+\.\d+\.\d+\n$/],
    [['--help'], /--http-address=HOST:PORT[^]*TRACARDI_OPERATOR_HTTP_ADDRESS/],
  ])('%s', async (args, wanted) => {
    const { code, stdout, stderr } = await run(args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(wanted)
  })

  test('no kubeconfig, or one that is none: exit code 1, and words', async () => {
    const broken = join(directory, 'broken.kubeconfig')
    await writeFile(broken, 'users: [{token: canary-value')
    for (const kubeconfig of [join(directory, 'nowhere'), broken]) {
      const { code, stdout, stderr } = await run([], {}, kubeconfig)
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
      expect(stdout).toContain('KUBECONFIG')
      expect(stdout).not.toContain('canary')
    }
  })

  // Where the tests run in a Pod, there is a cluster without any configuration.
  test.skipIf(existsSync('/var/run/secrets/kubernetes.io/serviceaccount/token'))(
    'nothing that names a cluster: exit code 1, where the library would talk to port 8080 of this machine',
    async () => {
      const { code, stdout, stderr } = await run([], { KUBECONFIG: '', HOME: directory })
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
      expect(stdout).toContain('no cluster is configured; set KUBECONFIG')
    },
  )
})

test('a server that does not answer: alive, not ready, and SIGTERM ends it in order', async () => {
  await using operator = await startOperator({ directory, kubeconfig: await deadKubeconfig() })
  const url = await operator.url()
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  const ready = await fetch(`${url}/readyz`)
  expect(ready.status).toBe(503)
  expect(await ready.text()).toBe(
    'not ready: tracardiresources, deployments, statefulsets, daemonsets, cronjobs, secrets\n',
  )
  expect(await operator.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  expect(await readFile(operator.stderrFile, 'utf8')).toBe('')
  await readLog(operator.stdoutFile)
})

test('an HTTP address that is taken: exit code 1, and the log says why', async () => {
  const { host } = new URL(inject('operator').url)
  const { code, stdout, stderr } = await run(['--http-address', host], {}, inject('kubeconfig'))
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
  expect(stdout).toContain('EADDRINUSE')
})

test('while its event loop stands still /livez is not answered, so that the kubelet starts it anew', async () => {
  await using operator = await startOperator({
    kubeconfig: inject('kubeconfig'),
    args: ['--leader-elect=false', '--watch-namespaces=nobody-is-here'],
    directory,
  })
  const url = await operator.url()
  const isAlive = (): Promise<boolean> =>
    // The time that the chart's livenessProbe waits.
    fetch(`${url}/livez`, { signal: AbortSignal.timeout(1000) }).then(
      ({ ok }) => ok,
      () => false,
    )
  await waitFor('an answer', isAlive, Boolean)
  process.kill(operator.pid, 'SIGSTOP')
  expect(await isAlive()).toBe(false)
  process.kill(operator.pid, 'SIGCONT')
  await waitFor('an answer again', isAlive, Boolean)
})

describe('the operator of this run', () => {
  test('serves /livez, /readyz and /metrics, and nothing else', async () => {
    const { url } = inject('operator')
    for (const path of ['/livez', '/readyz', '/readyz?verbose']) {
      const response = await fetch(url + path)
      expect([response.status, await response.text()]).toEqual([200, 'ok\n'])
    }
    const metrics = await fetch(`${url}/metrics`)
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=/)
    const text = await metrics.text()
    for (const name of [
      'rest_client_requests_total',
      'workqueue_depth',
      'controller_runtime_reconcile_total',
      'tracardi_operator_credential_cache_reads_total',
      'tracardi_operator_build_info',
      'process_resident_memory_bytes',
    ])
      expect(text).toContain(`# TYPE ${name} `)
    expect(text).toMatch(/leader_election_master_status\{[^}]*\} 1/)
    expect((await fetch(`${url}/`)).status).toBe(404)
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405)
  })

  test('writes JSON lines to stdout and nothing to stderr', async () => {
    const { stdoutFile, stderrFile } = inject('operator')
    const entries = await readLog(stdoutFile)
    expect(entries.length).toBeGreaterThan(2)
    for (const { level, time } of entries) {
      expect(['debug', 'info', 'warn', 'error']).toContain(level)
      expect(new Date(time).toISOString()).toBe(time)
    }
    expect(await readFile(stderrFile, 'utf8')).toBe('')
  })

  test('runs with the rights of the chart: nothing is forbidden, and it is asked for no more', async () => {
    const audit = new AuditLog(inject('auditLog'))
    const calls = await audit.operatorCalls(0)
    const { namespace } = inject('operator')
    const own = calls.filter(({ user }) => user.username.startsWith(`system:serviceaccount:${namespace}:`))
    expect(own.length).toBeGreaterThan(5)
    // What is created in a namespace that is being deleted is forbidden too, but not for want of rights.
    const forbidden = own.filter(({ verb, responseStatus }) => responseStatus?.code === 403 && verb !== 'create')
    expect(forbidden).toEqual([])

    await using kube = await Kube.connect(inject('kubeconfig'))
    const account = own[0]!.user.username
    const may = async (verb: string, what: string): Promise<boolean> => {
      const [plural = '', group = ''] = what.split(/\.(.*)/s)
      const resourceAttributes = { verb, group, resource: plural }
      const review = await kube.create('subjectaccessreviews', undefined, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user: account, groups: ['system:serviceaccounts', 'system:authenticated'], resourceAttributes },
      })
      return review.status.allowed
    }
    for (const [wanted, actions] of [
      [true, ['get secrets', 'create secrets', 'patch deployments.apps', 'list tracardiresources.tracardi.com']],
      [false, ['list configmaps', 'update secrets', 'create deployments.apps', 'delete deployments.apps', 'get pods']],
      [
        true,
        ['patch statefulsets.apps', 'patch daemonsets.apps', 'watch cronjobs.batch', 'patch rollouts.argoproj.io'],
      ],
      // For versions and injection.
      [true, ['delete secrets', 'list pods', 'patch cronjobs.batch', 'patch tracardiresources.tracardi.com']],
      [false, ['delete pods', 'update statefulsets.apps', 'get jobs.batch', 'get controllerrevisions.apps']],
      [false, ['update tracardiresources.tracardi.com', 'delete tracardiresources.tracardi.com', 'impersonate users']],
    ] as const) {
      for (const action of actions) {
        const [verb = '', what = ''] = action.split(' ')
        expect([action, await may(verb, what)]).toEqual([action, wanted])
      }
    }
  })
})
