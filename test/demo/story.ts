// The story that the demo tells. Every sentence that promises something is a claim, and code decides whether it held.
import { randomBytes } from 'node:crypto'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { countCalls, readCalls } from './audit.ts'
import type { OperatorProcess } from './operator-process.ts'
import type { Shell } from './shell.ts'
import type { Terminal } from './terminal.ts'

export interface Claim {
  text: string
  kept: boolean
}

export interface Stage {
  terminal: Terminal
  shell: Shell
  operator: OperatorProcess
  auditLog: string
  /** Name of the ServiceAccount as the API server knows it. */
  operatorUser: string
}

const STAMP = 'credentials.tracardi.com/twilio-sms'
const WAIT = '--timeout=30s'

const writeSecret =
  'kubectl create secret generic twilio-live --from-file=account_sid --from-file=auth_token --dry-run=client -o yaml | kubectl apply -f -'
const showPods = `kubectl get pods -L ${STAMP}`

const listSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        uid: z.string(),
        labels: z.record(z.string(), z.string()).optional(),
        deletionTimestamp: z.string().optional(),
      }),
    }),
  ),
})
const targetSchema = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()),
})
const resourceSchema = z.object({
  status: z.object({
    credentialsId: z.string().optional(),
    conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() })),
  }),
})

/** What a step may change, read from the cluster. */
interface Picture {
  replicaSets: number
  pods: string[]
  stamps: Set<string | undefined>
  target: z.infer<typeof targetSchema>
  id: string | undefined
  ready: { status: string; reason: string; message: string }
}

const takePicture = async (shell: Shell): Promise<Picture> => {
  const [replicaSets, pods, target, { status }] = await Promise.all([
    shell.get('replicasets --selector app=sms-sender', listSchema),
    shell.get('pods --selector app=sms-sender', listSchema),
    shell.get('secret twilio-sms-credentials', targetSchema),
    shell.get('tracardiresource twilio-sms', resourceSchema),
  ])
  // Those that are on their way out take no part any more.
  const alive = pods.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  const ready = status.conditions.find(({ type }) => type === 'Ready')
  if (ready === undefined) throw new Error('the resource has no condition Ready')
  return {
    replicaSets: replicaSets.items.length,
    pods: alive.map(({ metadata }) => metadata.uid).sort(),
    stamps: new Set(alive.map(({ metadata }) => metadata.labels?.[STAMP])),
    target,
    id: status.credentialsId,
    ready,
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const runs = ({ stamps, id }: Picture): boolean => id !== undefined && stamps.size === 1 && stamps.has(id)

/**
 * Tells it all. Throws when a command fails; claims that did not hold are in the answer.
 * `claims` is filled as the story goes on, so that what held is known also when it breaks off.
 */
export const tellStory = async (stage: Stage, claims: Claim[]): Promise<void> => {
  const { terminal, shell, operator, auditLog, operatorUser } = stage
  const claim = (kept: boolean, text: string): void => {
    claims.push({ kept, text })
    terminal.verdict(kept, text)
  }
  // Made here and now: no account has them.
  const accountSid = `AC${randomBytes(16).toString('hex')}`
  const firstToken = randomBytes(16).toString('hex')
  const newToken = randomBytes(16).toString('hex')
  const values = [accountSid, firstToken, newToken]

  terminal.title('2. A workload that wants to send SMS')
  terminal.say(
    'It reads its credentials from the Secret twilio-sms-credentials, which nobody has made yet. (Pods of this simulated cluster start all the same; real ones would wait for it.)',
  )
  for (const name of ['sms-sender.yaml', 'twilio-sms.yaml'])
    await copyFile(join(import.meta.dirname, 'manifests', name), join(shell.directory, name))
  await shell.show('cat sms-sender.yaml')
  await shell.show('kubectl apply -f sms-sender.yaml')
  await shell.show(`kubectl rollout status deployment/sms-sender ${WAIT}`)
  const replicaSetsAtFirst = (await shell.get('replicasets --selector app=sms-sender', listSchema)).items.length

  terminal.title('3. A good credential')
  terminal.say(
    "Somebody copies the account SID and the auth token from Twilio's console into a Secret of their own, and says with a TracardiResource what it is for.",
  )
  shell.export('ACCOUNT_SID', accountSid)
  shell.export('AUTH_TOKEN', firstToken)
  await shell.show('printf %s "$ACCOUNT_SID" > account_sid; printf %s "$AUTH_TOKEN" > auth_token')
  await shell.show(writeSecret)
  await shell.show('cat twilio-sms.yaml')
  await shell.show('kubectl apply -f twilio-sms.yaml')
  await shell.show(`kubectl wait tracardiresource/twilio-sms --for=condition=Ready ${WAIT}`)
  await shell.show('kubectl get tracardiresources')
  await shell.show(showPods)
  const good = await takePicture(shell)
  claim(
    good.ready.status === 'True' &&
      good.target.data['TWILIO_ACCOUNT_SID'] === base64(accountSid) &&
      good.target.data['TWILIO_AUTH_TOKEN'] === base64(firstToken),
    'the good credential was checked and stands in the Secret that the workload reads',
  )
  claim(
    good.replicaSets === replicaSetsAtFirst + 1 && runs(good),
    `the workload was rolled once, and every pod carries ${good.id ?? 'no id'}`,
  )

  terminal.title('4. A bad rotation')
  terminal.say('Twilio gives a new auth token. This time it is written with echo, which adds a line break: a classic.')
  shell.export('AUTH_TOKEN', newToken)
  await shell.show('echo "$AUTH_TOKEN" > auth_token')
  await shell.show(writeSecret)
  await shell.show(`kubectl wait tracardiresource/twilio-sms --for=condition=Stalled ${WAIT}`)
  await shell.show('kubectl get tracardiresources')
  await shell.show(
    `kubectl get tracardiresource twilio-sms -o jsonpath='{.status.conditions[?(@.type=="Ready")].message}{"\\n"}'`,
  )
  await shell.show(showPods)
  const bad = await takePicture(shell)
  claim(
    bad.target.metadata.resourceVersion === good.target.metadata.resourceVersion,
    'the bad credential was held back: the Secret that the workload reads was not touched',
  )
  claim(
    bad.ready.status === 'False' &&
      bad.ready.reason === 'TrailingNewline' &&
      ['twilio-live', 'auth_token', good.id ?? ''].every((word) => bad.ready.message.includes(word)),
    `the status says why (${bad.ready.reason}), where, and what stays in force`,
  )
  claim(
    bad.replicaSets === good.replicaSets && bad.pods.join() === good.pods.join(),
    'the pods that were running are still running',
  )

  terminal.title('5. The same token, written as it should be')
  const before = (await readCalls(auditLog, 'tracardi-operator/')).length
  await shell.show('printf %s "$AUTH_TOKEN" > auth_token')
  await shell.show(writeSecret)
  await shell.show(`kubectl wait tracardiresource/twilio-sms --for=condition=Ready ${WAIT}`)
  await shell.show(`kubectl rollout status deployment/sms-sender ${WAIT}`)
  await shell.show('kubectl get tracardiresources')
  await shell.show(showPods)
  await shell.show('kubectl get replicasets')
  const repaired = await takePicture(shell)
  claim(
    repaired.ready.status === 'True' && repaired.target.data['TWILIO_AUTH_TOKEN'] === base64(newToken),
    'the repaired credential was delivered, without anybody having to start it',
  )
  claim(
    repaired.replicaSets === good.replicaSets + 1 && runs(repaired) && repaired.id !== good.id,
    `the workload was rolled exactly once more, from ${good.id ?? 'nothing'} to ${repaired.id ?? 'nothing'}`,
  )

  terminal.title('6. What is left to read')
  terminal.say('Events tell the story again, for whoever was not there:')
  await shell.show('kubectl events --for tracardiresource/twilio-sms')
  const calls = await readCalls(auditLog, 'tracardi-operator/')
  const cost = countCalls(calls.slice(before))
  terminal.say('')
  terminal.say("And the API server's audit log tells what the last rotation cost it:")
  for (const [what, count] of cost) terminal.output(`  ${String(count).padStart(3)}  ${what}`)
  claim(
    cost.get('get secrets') === 1 &&
      cost.get('patch secrets') === 1 &&
      cost.get('patch deployments') === 1 &&
      (cost.get('patch tracardiresources/status') ?? 0) <= 2 &&
      ![...cost.keys()].some((what) => what.startsWith('list ')),
    'one rotation is one read of the Secret, one write of the target and one of the workload, and no list',
  )
  claim(
    calls.length > 0 && calls.every(({ user }) => user === operatorUser),
    `the operator did all of it as the ServiceAccount of the chart, with no rights but those`,
  )

  const told = [
    operator.log,
    terminal.transcript,
    await shell.quiet('kubectl get events --output yaml'),
    await shell.quiet('kubectl get tracardiresources --output yaml'),
  ].join('\n')
  claim(
    values.every((value) => !told.includes(value) && !told.includes(base64(value).replace(/=+$/, ''))),
    'no value is in its log, in Events, in the status, or on this screen',
  )
}
