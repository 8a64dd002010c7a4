// When the chart brings its MutatingAdmissionPolicies, and what it writes into them.
import { expect, inject, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { chart, helm } from '../support/operator-process.ts'

interface Rendered {
  kind: string
  metadata: { name: string }
  spec: { matchResources?: { namespaceSelector: unknown }; matchConditions?: { expression: string }[] }
}

const kind = 'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy'

/** The policies and their bindings. */
async function render(...flags: string[]): Promise<Rendered[]> {
  const text = await helm(inject('kubeconfig'), ['template', 'crm', chart, ...flags], 'crm-system')
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null)
    .filter((object) => object.kind.startsWith('MutatingAdmissionPolicy'))
}

const names = ['inject-pods', 'stamp-jobs', 'stamp-workloads'].map((name) => `${name}.crm-tracardi-operator.crm-system`)
const all = names
  .flatMap((name) => [`MutatingAdmissionPolicy ${name}`, `MutatingAdmissionPolicyBinding ${name}`])
  .sort()

test.each<[string, string[], string[]]>([
  ['a server that has them', ['--kube-version=1.36.2'], all],
  ['an older server that has them', ['--kube-version=1.35.0', `--api-versions=${kind}`], all],
  ['an older server', ['--kube-version=1.35.0'], []],
  ['Patch', ['--kube-version=1.36.2', '--set=injection.mode=Patch'], []],
  ['Policy', ['--kube-version=1.36.2', '--set=injection.mode=Policy'], all],
  // A server lists all that it has; then its version says nothing.
  ['a server that has them switched off', ['--kube-version=1.36.2', '--api-versions=v1/Namespace'], []],
])('%s', async (_, flags, expected) => {
  const found = await render(...flags)
  expect(found.map((object) => `${object.kind} ${object.metadata.name}`).sort()).toEqual(expected)
})

test('Policy on an older server: the installation fails, and says what to do', async () => {
  await expect(render('--kube-version=1.35.0', '--set=injection.mode=Policy')).rejects.toThrow(
    'set injection.mode=Auto, and the operator patches pod templates instead',
  )
})

test('the namespaces, the installation and the operator are those of the release', async () => {
  const plain = await render('--kube-version=1.36.2')
  expect(plain.filter(({ spec }) => spec.matchResources !== undefined)).toEqual([])
  const flags = ['--set=installationId=mine', '--set-json=watchNamespaces=["a","b"]', '--set=serviceAccount.name=crm']
  const found = await render('--kube-version=1.36.2', ...flags)
  for (const { kind: of, spec } of found) {
    const [condition] = spec.matchConditions ?? []
    if (of === 'MutatingAdmissionPolicy') expect(condition?.expression).toContain("installation == 'mine'")
    else
      expect(spec.matchResources?.namespaceSelector).toEqual({
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['a', 'b'] }],
      })
  }
  const workloads = found.find(({ metadata }) => metadata.name.startsWith('stamp-workloads'))
  expect(workloads?.spec.matchConditions?.[0]?.expression).toContain("!= 'system:serviceaccount:crm-system:crm'")
})
