// Argo CD and Flux as authors: the Role in docs/gitops.md, with the resource of the README, applied as they apply things.
// And people who are bound to the ClusterRoles of Kubernetes.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { createNamespace, resource } from '../support/fixtures.ts'
import { Kube, pathOf, waitFor } from '../support/kube.ts'
import { expectAnswer } from './users.ts'
import type { Rule } from './users.ts'

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly rules?: readonly Rule[]
  readonly subjects?: readonly { readonly name: string; readonly namespace: string }[]
}

/** The objects in the YAML of a page, also in what a shell command is fed with. */
async function manifestsOf(page: string): Promise<Manifest[]> {
  const text = await readFile(join(import.meta.dirname, '..', '..', '..', page), 'utf8')
  return [...text.matchAll(/^(?:```yaml|.*<<'END')\n([^]*?)^(?:```|END)$/gm)].flatMap(({ 1: body = '' }) =>
    parseAllDocuments(body).map((document) => document.toJS() as Manifest),
  )
}

function only(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind)
  expect(found).toHaveLength(1)
  return found[0]!
}

const docs = await manifestsOf('docs/gitops.md')
const role = only(docs, 'Role')
const binding = only(docs, 'RoleBinding')
const newsletter = only(await manifestsOf('README.md'), 'TracardiResource')
const rules = role.rules ?? []
const subject = binding.subjects![0]!
const author = `system:serviceaccount:${subject.namespace}:${subject.name}`

let kube: Kube
const namespaces: string[] = []

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
})

afterAll(async () => {
  for (const name of namespaces) await kube.remove('namespaces', undefined, name)
  await kube[Symbol.asyncDispose]()
})

/** A namespace in which the author has these rules. */
async function team(granted: readonly Rule[]): Promise<string> {
  const namespace = await createNamespace(kube, 'gitops')
  namespaces.push(namespace)
  await kube.apply(namespace, { ...role, metadata: { name: role.metadata.name }, rules: granted })
  await kube.apply(namespace, { ...binding, metadata: { name: binding.metadata.name } })
  return namespace
}

/** What `kubectl apply` says, whether it likes it or not. */
function sync(namespace: string, manifest: object, flags: readonly string[]): Promise<string> {
  const args = ['apply', '--namespace', namespace, '--as', author, ...flags, '-f', '-']
  return kube.kubectl(args, JSON.stringify(manifest)).catch((error: unknown) => String(error))
}

const ways = [
  ['client-side apply', []],
  ['server-side apply', ['--server-side', '--field-manager=argocd-controller']],
] as const

describe.concurrent('the Role of the documentation', () => {
  test.each(ways)('is enough for %s, and a later sync needs none of it', async (_, flags) => {
    const namespace = await team(rules)
    const synced = (manifest: object): Promise<string> =>
      waitFor(
        'a sync',
        () => sync(namespace, manifest, flags),
        (said) => said.startsWith('tracardiresource'),
      )
    expect(await synced(newsletter)).toMatch(/ (created|serverside-applied)\n$/)
    await kube.apply(namespace, { ...role, metadata: { name: role.metadata.name }, rules: rules.slice(0, 1) })
    const another = resource(newsletter.metadata.name, {
      service: 'sendgrid',
      credentials: { secretRef: { name: 'another' } },
    })
    await waitFor(
      'the end of the rights',
      () => sync(namespace, another, flags),
      (said) => said.includes('may not get'),
    )
    expect(await sync(namespace, newsletter, flags)).toMatch(/ (unchanged|serverside-applied)\n$/)
    const labelled = { ...newsletter, metadata: { name: newsletter.metadata.name, labels: { team: 'marketing' } } }
    expect(await sync(namespace, labelled, flags)).toMatch(/ (configured|serverside-applied)\n$/)
  })

  test.each([
    [1, 'spec.credentials.secretRef names the Secret sendgrid-live, which'],
    [2, 'spec.target makes the operator write the Secret newsletter-credentials, which'],
    [3, 'spec.consumers[0] names the Deployment mailer, which'],
  ])('is not enough without its rule %i', async (left, message) => {
    const namespace = await team(rules.filter((_, index) => index !== left))
    for (const [, flags] of ways) {
      const refused = (said: string): boolean => said.includes(`${message} ${author} may not`)
      await waitFor('a refusal', () => sync(namespace, newsletter, [...flags, '--dry-run=server']), refused)
    }
  })
})

describe.concurrent('the ClusterRole', () => {
  const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']
  const reads = verbs.slice(0, 3)

  test.each([
    ['view', reads],
    ['edit', verbs],
    ['admin', verbs],
  ])('%s reaches TracardiResources, and no status', async (name, expected) => {
    const namespace = await createNamespace(kube, name)
    namespaces.push(namespace)
    await kube.kubectl(['create', 'rolebinding', name, '--clusterrole', name, '--user', name, '--namespace', namespace])
    const allowed = async (verb: string, subresource?: string): Promise<boolean> => {
      const resourceAttributes = {
        ...{ namespace, verb, group: 'tracardi.com', resource: 'tracardiresources', name: 'x' },
        ...(subresource !== undefined && { subresource }),
      }
      const review = { spec: { user: name, groups: ['system:authenticated'], resourceAttributes } }
      return (await kube.create('subjectaccessreviews', undefined, review)).status.allowed
    }
    const allowedVerbs = async (subresource?: string): Promise<string[]> => {
      const answers = await Promise.all(verbs.map((verb) => allowed(verb, subresource)))
      return verbs.filter((_, index) => answers[index])
    }
    await waitFor('the rights', allowedVerbs, (found) => found.join() === expected.join())
    expect(await allowedVerbs('status')).toEqual([])

    const path = `${pathOf('tracardiresources', namespace)}?dryRun=All`
    const create = () => kube.callAs(name, 'POST', path, newsletter)
    await expectAnswer('a creation', create, name === 'view' ? 'cannot create resource "tracardiresources"' : 'allowed')
  })
})
