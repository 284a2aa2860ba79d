{{/*
Settings of a member, as environment variables. A value of the chart wins over the same value under
`global`, which an umbrella sets once for all.
*/}}

{{- define "catalyst-library.broker-url" -}}
{{- .Values.broker.url | default ((.Values.global).broker).url | default "nats://nats:4222" -}}
{{- end -}}

{{- define "catalyst-library.secret-folder" -}}
/run/secrets/catalyst
{{- end -}}

{{/* The settings that every member has, as a YAML map from variable to value. */}}
{{- define "catalyst-library.shared-settings" -}}
{{- $global := .Values.global | default dict -}}
{{- $folder := include "catalyst-library.secret-folder" . -}}
CATALYST_NATS_URL: {{ include "catalyst-library.broker-url" . | quote }}
CATALYST_NATS_USER: {{ .Values.broker.user | quote }}
CATALYST_NATS_PASSWORD_FILE: {{ printf "%s/%s" $folder .Values.secret.passwordKey | quote }}
CATALYST_NATS_REPLICAS: {{ .Values.broker.replicas | default ($global.broker).replicas | default 1 | toString | quote }}
CATALYST_KEY_FILE: {{ printf "%s/%s" $folder .Values.secret.keyKey | quote }}
CATALYST_JWKS: {{ printf "%s/%s" $folder .Values.secret.jwksKey | quote }}
CATALYST_ISSUER: {{ .Values.tokens.issuer | default ($global.tokens).issuer | default "catalyst" | quote }}
{{- with .Values.tokens.others | default ($global.tokens).others }}
{{- $others := list -}}
{{- range $issuer, $keys := . }}{{ $others = append $others (printf "%s=%s" $issuer $keys) }}{{ end }}
CATALYST_OTHER_ISSUERS: {{ join " " $others | quote }}
{{- end }}
CATALYST_HTTP_HOST: "0.0.0.0"
CATALYST_HTTP_PORT: {{ include "catalyst-library.port" . | quote }}
CATALYST_LOG_LEVEL: {{ .Values.logLevel | default $global.logLevel | default "info" | quote }}
{{- with .Values.otlpEndpoint | default $global.otlpEndpoint }}
CATALYST_OTLP_ENDPOINT: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The port inside the container; the Service's own may differ. */}}
{{- define "catalyst-library.port" -}}
8080
{{- end -}}

{{/*
The list of environment variables. Takes (dict "root" <context> "settings" <map of the member's own>).
What the values name under `settings` wins: a variable with the member's name in front is stronger.
*/}}
{{- define "catalyst-library.environment" -}}
{{- $all := include "catalyst-library.shared-settings" .root | fromYaml -}}
{{- $prefix := .root.Chart.Name | replace "-" "_" -}}
{{- range $name, $value := .settings | default dict }}
{{- $_ := set $all $name $value -}}
{{- end -}}
{{- range $field, $value := .root.Values.settings | default dict }}
{{- $_ := set $all (printf "%s_%s" (upper $prefix) (upper $field)) $value -}}
{{- end -}}
{{- $variables := list -}}
{{- range $name, $value := $all -}}
{{- $variables = append $variables (dict "name" $name "value" (toString $value)) -}}
{{- end -}}
{{- toYaml $variables -}}
{{- end -}}
