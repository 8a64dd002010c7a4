{{/* What the operator may do where it works: everywhere by the ClusterRole, or by a Role in each of watchNamespaces. */}}
{{- define "tracardi-operator.rules" -}}
- apiGroups: [tracardi.com]
  resources: [tracardiresources]
  verbs: [list, watch, patch] # patch: the finalizer of one that was injected by patch
- apiGroups: [tracardi.com]
  resources: [tracardiresources/status]
  verbs: [patch]
# Sources are read, targets are created and patched. Lists and watches ask for metadata only, which RBAC cannot tell
# from values; with secretAccess Get there are none.
- apiGroups: ['']
  resources: [secrets]
  verbs: [get, {{ if eq .Values.secretAccess "Watch" }}list, watch, {{ end }}create, patch, delete] # delete: versions of targets
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, list, watch, patch] # get: when one has changed before the patch arrives
# Consumers that are never changed; watched only once a resource has such a one. And what still names a version, as metadata,
# before it is deleted.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [list]
- apiGroups: ['']
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch]
# The pods of a CronJob are always new: it is patched only where credentials are injected by patch.
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [get, list, watch, patch]
# Argo Rollouts, where they are installed.
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get, list, watch, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
