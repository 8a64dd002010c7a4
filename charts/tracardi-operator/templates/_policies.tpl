{{/* Whether this release brings its ValidatingAdmissionPolicies. Where the server has none, their absence must be chosen. */}}
{{- define "tracardi-operator.policies" -}}
{{- if .Values.policies.enabled -}}
{{- if semverCompare "<1.30.0-0" .Capabilities.KubeVersion.Version -}}
{{- fail "ValidatingAdmissionPolicies need Kubernetes 1.30: set policies.enabled=false, and grant writing TracardiResources only to those who may read the Secrets there and patch the workloads" -}}
{{- end -}}
true
{{- end -}}
{{- end -}}

{{/* Takes [root, what]. Cluster-wide names carry the namespace; it has no dot, so no two releases meet. */}}
{{- define "tracardi-operator.policyName" -}}
{{- $root := index . 0 -}}
{{- printf "%s.%s.%s" (index . 1) (include "tracardi-operator.fullname" $root) $root.Release.Namespace -}}
{{- end -}}

{{/* The operator as the API server knows it. */}}
{{- define "tracardi-operator.username" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "tracardi-operator.serviceAccountName" .) -}}
{{- end -}}

{{/* Takes [root, what]: binds a policy to the namespaces in which this installation works. */}}
{{- define "tracardi-operator.policyBinding" -}}
{{- $root := index . 0 -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ include "tracardi-operator.policyName" . }}
  labels:
    {{- include "tracardi-operator.labels" $root | nindent 4 }}
spec:
  policyName: {{ include "tracardi-operator.policyName" . }}
  validationActions: [Deny]
  {{- with $root.Values.watchNamespaces }}
  matchResources:
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values:
            {{- toYaml (uniq .) | nindent 12 }}
  {{- end }}
{{- end -}}

{{/*
Kinds of consumers, and what to ask for; `unnamed` are those that a selector alone chooses. Every kind of the CRD stands here: one that is missing could be patched through
the operator by people who may not patch it. A test compares the two.
*/}}
{{- define "tracardi-operator.consumerKinds" -}}
CronJob: {group: batch, resource: cronjobs}
DaemonSet: {group: apps, resource: daemonsets}
Deployment: {group: apps, resource: deployments}
Job: {group: batch, resource: jobs, unnamed: true}
Pod: {group: '', resource: pods, unnamed: true}
ReplicaSet: {group: apps, resource: replicasets, unnamed: true}
Rollout: {group: argoproj.io, resource: rollouts}
StatefulSet: {group: apps, resource: statefulsets}
{{- end -}}
