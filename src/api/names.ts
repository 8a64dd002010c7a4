/** The names under which the operator is known to a cluster. They never change: labels and annotations outlive versions. */

export const group = 'tracardi.com'
export const version = 'v1beta1'
export const apiVersion = `${group}/${version}`
export const kind = 'TracardiResource'
export const plural = 'tracardiresources'

/** Component name, field manager and reporting controller. It must not begin with `kubectl`: Flux strips such managers. */
export const componentName = 'tracardi-operator'

/** On a target Secret, always with the value `componentName`. */
export const managedByLabel = 'app.kubernetes.io/managed-by'
/** On a target Secret: the name of the TracardiResource. */
export const resourceLabel = 'tracardi.com/resource'
/** On a target Secret: `<installation>/<namespace>/<name>` of the owner. */
export const ownerAnnotation = 'tracardi.com/owner'
/** On a target Secret: the id of the contents, written together with them. */
export const idAnnotation = 'tracardi.com/credentials-id'
/** On a target Secret: uid and resourceVersion of the Secrets that the contents came from. */
export const sourceAnnotation = 'tracardi.com/source'

/** On a resource of which something was patched into a workload: it is taken out there before the resource goes. */
export const injectionFinalizer = 'tracardi.com/injection'

/** The longest name of a TracardiResource: it becomes the name part of a label key and of a volume. */
export const maxResourceNameLength = 63
/** The longest name of a target Secret: what is appended to it for a version must still fit into 253 characters. */
export const maxTargetNameLength = 230

/**
 * Variables that make a program run other code, trust another proxy, or find another API server. Who may write a
 * TracardiResource must not thereby command every program that reads its Secret.
 */
export const forbiddenEnvironmentName =
  '^(PATH|NODE_OPTIONS|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|BASH_ENV|LD_.*|DYLD_.*|PYTHON.*|KUBERNETES_.*|.*_[Pp][Rr][Oo][Xx][Yy])$'

/** The beginnings of such names: no prefix may bring them about. */
export const forbiddenPrefix = '^(LD_|DYLD_|PYTHON|KUBERNETES_)'

/** Directories in which a volume would hide programs, their libraries or the identity of the pod; each with `/` at its end. */
export const forbiddenMountPath =
  '^/(bin|boot|dev|etc|lib|lib32|lib64|libx32|proc|root|sbin|sys|usr)/|^/(home|media|mnt|opt|run|srv|tmp|var|var/run|var/lib|var/run/secrets|run/secrets)/$|^/(var/)?run/secrets/kubernetes.io/'

/** The label of a pod template that says which credentials of this resource its pods carry. */
export function stampLabel(resourceName: string): string {
  return `credentials.tracardi.com/${resourceName}`
}

/** The label of a pod template whose pods were replaced once more, because these credentials had not been injected into them. */
export function mendedLabel(resourceName: string): string {
  return `mended.tracardi.com/${resourceName}`
}

/** The target Secret of a resource that names none. */
export function defaultTargetName(resourceName: string): string {
  return `${resourceName}-credentials`
}

/** The immutable Secret that holds one version of the credentials; what is injected. Fits: see `maxTargetNameLength`. */
export function versionName(targetName: string, credentialsId: string): string {
  return `${targetName}-${credentialsId}`
}

/** The volume that holds the injected credentials of a resource. The longest names of resources fill all 63 characters. */
export function injectedVolume(resourceName: string): string {
  return resourceName.length <= 54 ? `tracardi-${resourceName}` : resourceName
}

/** The annotation in which a pod says that the credentials of this resource were injected as it was created: the name of the Secret. */
export function injectedAnnotation(resourceName: string): string {
  return `injected.tracardi.com/${resourceName}`
}

/** On the pod template of a Job, set as it is created: the CronJob that it comes from. The policies read it from the pods. */
export const cronJobAnnotation = 'tracardi.com/cronjob'
