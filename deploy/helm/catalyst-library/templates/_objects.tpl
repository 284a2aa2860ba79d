{{/*
The smaller objects of a member.
*/}}

{{- define "catalyst-library.serviceaccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "catalyst-library.serviceaccount-name" . }}
  labels:
    {{- include "catalyst-library.labels" . | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{- define "catalyst-library.disruption-budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "catalyst-library.fullname" . }}
  labels:
    {{- include "catalyst-library.labels" . | nindent 4 }}
spec:
  # Not minAvailable: with one pod that would forbid to drain its node.
  maxUnavailable: {{ .Values.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "catalyst-library.selector" . | nindent 6 }}
{{- end -}}

{{/* Takes (dict "root" <context> "name" <name> "storage" <values>). */}}
{{- define "catalyst-library.volume-claim" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ .name }}
  labels:
    {{- include "catalyst-library.labels" .root | nindent 4 }}
  annotations:
    # The repositories outlive the release.
    helm.sh/resource-policy: keep
    {{- with .storage.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  accessModes: [{{ .storage.accessMode }}]
  {{- with .storage.storageClass }}
  storageClassName: {{ . | quote }}
  {{- end }}
  resources:
    requests:
      storage: {{ .storage.size }}
{{- end -}}
