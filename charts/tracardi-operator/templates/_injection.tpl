{{/*
Whether this release brings its MutatingAdmissionPolicies: 'true' or ''. A server says which kinds it knows; where there is
none, as in `helm template`, the version decides.
*/}}
{{- define "tracardi-operator.injectionPolicies" -}}
{{- $kind := "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
{{- $known := .Capabilities.APIVersions.Has $kind -}}
{{- if not (.Capabilities.APIVersions.Has "v1/Namespace") -}}
{{- $known = or $known (semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- if eq .Values.injection.mode "Patch" -}}
{{- else if $known -}}
true
{{- else if eq .Values.injection.mode "Policy" -}}
{{- fail "injection.mode=Policy needs MutatingAdmissionPolicy in admissionregistration.k8s.io/v1, which Kubernetes has from 1.36 on: set injection.mode=Auto, and the operator patches pod templates instead" -}}
{{- end -}}
{{- end -}}

{{/* The installation id of the operator, as it stands in the status of the resources that it injects. */}}
{{- define "tracardi-operator.installation" -}}
{{- .Values.installationId | default .Release.Namespace -}}
{{- end -}}

{{/* Takes [root, name]: the CEL of files/policies. It is a template for the few values that it needs. */}}
{{- define "tracardi-operator.cel" -}}
{{- $root := index . 0 -}}
{{- tpl ($root.Files.Get (printf "files/policies/%s.cel" (index . 1))) $root | trim -}}
{{- end -}}

{{/*
Takes [root, what]: the head of a policy, up to its matchConditions. Whatever goes wrong, pods and workloads are created as
they are: the operator notices and mends it.
*/}}
{{- define "tracardi-operator.injectionPolicy" -}}
{{- $root := index . 0 -}}
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata:
  name: {{ include "tracardi-operator.policyName" . }}
  labels:
    {{- include "tracardi-operator.labels" $root | nindent 4 }}
spec:
  failurePolicy: Ignore
  reinvocationPolicy: IfNeeded
  paramKind:
    apiVersion: tracardi.com/v1beta1
    kind: TracardiResource
{{- end -}}

{{/* Takes [root, what]: the policy runs once for each TracardiResource of the namespace, where this installation works. */}}
{{- define "tracardi-operator.injectionBinding" -}}
{{- $root := index . 0 -}}
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: {{ include "tracardi-operator.policyName" . }}
  labels:
    {{- include "tracardi-operator.labels" $root | nindent 4 }}
spec:
  policyName: {{ include "tracardi-operator.policyName" . }}
  paramRef:
    selector: {}
    parameterNotFoundAction: Allow
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
