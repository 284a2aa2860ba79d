{{/*
Names and labels. Every definition here takes the chart's own context.
*/}}

{{/*
The name that this release gives to what chart `chart` makes; short enough for every suffix we add.
Takes (dict "root" <context> "chart" <chart name>).
*/}}
{{- define "catalyst-library.release-name" -}}
{{- $release := .root.Release.Name -}}
{{- if contains .chart $release -}}
{{- $release | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- /* The release's name gives way, or all its members would end up with the same one. */ -}}
{{- printf "%s-%s" ($release | trunc (int (sub 51 (len .chart))) | trimSuffix "-") .chart -}}
{{- end -}}
{{- end -}}

{{- define "catalyst-library.fullname" -}}
{{- .Values.fullnameOverride | default (include "catalyst-library.release-name" (dict "root" . "chart" .Chart.Name)) -}}
{{- end -}}

{{/* Labels that never change during the life of a release. */}}
{{- define "catalyst-library.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "catalyst-library.labels" -}}
{{ include "catalyst-library.selector" . }}
app.kubernetes.io/component: {{ .Chart.Name }}
app.kubernetes.io/part-of: catalyst
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "catalyst-library.serviceaccount-name" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "catalyst-library.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* The Secret that holds the broker password, the signing key and the public keys. */}}
{{- define "catalyst-library.secret-name" -}}
{{- .Values.secret.name | default (include "catalyst-library.fullname" .) -}}
{{- end -}}

{{- define "catalyst-library.image" -}}
{{- $registry := (.Values.global).imageRegistry | default "" | trimSuffix "/" -}}
{{- $name := ternary .Values.image.repository (printf "%s/%s" $registry .Values.image.repository) (empty $registry) -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.Values.image.tag | default (.Values.global).imageTag | default .Chart.AppVersion | toString) -}}
{{- end -}}
{{- end -}}

{{/*
Address of the member of chart `chart` in the same release. Takes (dict "root" <context> "chart" <chart name>).
*/}}
{{- define "catalyst-library.sibling-url" -}}
{{- printf "http://%s:%s" (include "catalyst-library.release-name" .) (include "catalyst-library.port" .root) -}}
{{- end -}}

{{/* The same, as everybody in the cluster finds it, whatever namespace they are in. */}}
{{- define "catalyst-library.sibling-url-anywhere" -}}
{{- printf "http://%s.%s.svc:%s" (include "catalyst-library.release-name" .) .root.Release.Namespace (include "catalyst-library.port" .root) -}}
{{- end -}}
