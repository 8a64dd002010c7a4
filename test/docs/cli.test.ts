// Every command of docs/cli.md is typed as it stands there, in a folder as its readers have one, and must do what it says.
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { run } from '../cluster/sources/source.ts'
import { helmPath, kubectlPath } from '../cluster/tools.ts'
import { secret, valid } from '../operator/support/fixtures.ts'
import { buildIfNeeded } from '../operator/support/operator-process.ts'

const root = join(import.meta.dirname, '..', '..')
const page = await readFile(join(root, 'docs', 'cli.md'), 'utf8')
let folder: string

const live = JSON.stringify(secret('twilio-live', valid.twilio()))

const sms = `apiVersion: tracardi.com/v1beta1
kind: TracardiResource
metadata:
  name: sms
spec:
  service: twilio
  credentials:
    secretRef:
      name: twilio-live
`

beforeAll(async () => {
  await buildIfNeeded()
  folder = await mkdtemp(join(tmpdir(), 'tracardi-docs-cli-'))
  const files = {
    'manifests/sms.yaml': sms,
    'more.yaml': sms.replace('name: sms', 'name: more'),
    'twilio.yaml': `${sms}---\n${live}\n`,
    'overlays/production/kustomization.yaml': 'resources: [sms.yaml, live.yaml]\n',
    'overlays/production/live.yaml': live,
    'overlays/production/sms.yaml': sms,
    'my-chart/Chart.yaml': 'apiVersion: v2\nname: my-chart\nversion: 1.0.0\n',
    'my-chart/templates/sms.yaml': sms,
    'bin/tracardi-operator': `#!/bin/sh\nexec '${process.execPath}' '${root}/dist/main.js' "$@"\n`,
    // Nothing of the cluster of all tests is changed.
    'bin/kubectl': `#!/bin/sh\nverb=$1\nshift\n[ "$verb" = apply ] && set -- --dry-run=server "$@"\nexec '${await kubectlPath()}' "$verb" "$@"\n`,
    'bin/helm': `#!/bin/sh\nexec '${await helmPath()}' "$@"\n`,
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  for (const name of ['tracardi-operator', 'kubectl', 'helm']) await chmod(join(folder, 'bin', name), 0o755)
  await symlink(join(root, 'dist'), join(folder, 'dist'))
  await symlink(join(root, 'examples'), join(folder, 'examples'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const typed = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
  .flatMap(([, body = '']) => body.split('\n'))
  .filter((line) => line !== '' && line !== 'npm run build')
  // It tells of a resource that is there: test/operator/plan.test.ts has some.
  .filter((line) => !line.startsWith('tracardi-operator why '))

/** What a workflow runs in a container of the image, and what pre-commit runs on a file. */
const automated = [...page.matchAll(/(?:run: docker run .*|entry: )(tracardi-operator .*)$/gm)].map(
  ([, command = '']) => (command === 'tracardi-operator validate' ? `${command} manifests/sms.yaml` : command),
)

test('the page has commands of every kind', () => {
  const words = [...typed, ...automated].flatMap(
    (line) => /(?:tracardi-operator|main\.js) ([a-z]+)/.exec(line)?.[1] ?? [],
  )
  expect([...new Set(words)].sort()).toEqual([
    'completion',
    'crd',
    'explain',
    'plan',
    'services',
    'validate',
    'version',
  ])
  expect(automated).toHaveLength(2)
})

test.each([...typed, ...automated])('%s', { timeout: 60_000 }, async (line) => {
  const { code, stdout, stderr } = await run('bash', ['-o', 'pipefail', '-c', line], {
    cwd: folder,
    env: {
      PATH: `${join(folder, 'bin')}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      KUBECONFIG: inject('kubeconfig'),
    },
  })
  const wanted = Number(/# exits with (\d)/.exec(line)?.[1] ?? 0)
  // The CRD is there already, and was not made by kubectl apply.
  const complaints = stderr.replace(/^Warning: resource customresourcedefinitions\/.* is missing the .*\n/, '')
  expect({ code, complaints }, stdout).toEqual({ code: wanted, complaints: '' })
  // What is written to a file, or sourced, shows nothing.
  expect(stdout === '').toBe(/ > |source /.test(line))
})
