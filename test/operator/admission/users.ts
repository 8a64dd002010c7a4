/** People with exactly these rights, and what they are told. Every call is a dry run: admission is asked, nothing is stored. */
import { waitFor } from '../support/kube.ts'
import type { Answer, Kube } from '../support/kube.ts'

export interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
}

/** A right: verbs on `resource.group`, on these names or on all. */
export function right(verbs: string, resource: string, ...resourceNames: string[]): Rule {
  const [plural = '', ...group] = resource.split('.')
  return {
    apiGroups: [group.join('.')],
    resources: [plural],
    verbs: verbs.split(','),
    ...(resourceNames.length > 0 && { resourceNames }),
  }
}

/** To write TracardiResources, which alone lets nobody refer to anything. */
export const writes = right('get,create,update,patch', 'tracardiresources.tracardi.com')

/** Gives every user a Role with these rules. */
export async function grant(
  kube: Kube,
  namespace: string,
  rights: Readonly<Record<string, readonly Rule[]>>,
): Promise<void> {
  const items = Object.entries(rights).flatMap(([user, rules]) => {
    // A ServiceAccount is a user whose name has colons.
    const metadata = { name: user, namespace }
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: user }
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }]
    return [
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules },
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata, roleRef, subjects },
    ]
  })
  await kube.kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
}

/** Rights and policies take effect a moment after they were written: the answer is asked for until it is right. */
export async function expectAnswer(what: string, ask: () => Promise<Answer>, expected: Expected): Promise<void> {
  await waitFor(what, ask, ({ code, message }) =>
    expected === 'allowed' ? code < 300 : code === 403 && message.includes(expected),
  )
}

/** Allowed, or refused with these words. */
export type Expected = 'allowed' | (string & {})
