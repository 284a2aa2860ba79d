{{/*
How a member is reached, and whom it may reach.
*/}}

{{- define "catalyst-library.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "catalyst-library.fullname" . }}
  labels:
    {{- include "catalyst-library.labels" . | nindent 4 }}
  {{- with .Values.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .Values.service.type }}
  selector:
    {{- include "catalyst-library.selector" . | nindent 4 }}
  ports:
    - name: http
      port: {{ .Values.service.port | default (include "catalyst-library.port" .) }}
      targetPort: http
      protocol: TCP
{{- end -}}

{{/* The port in an address, else the one that its scheme implies. */}}
{{- define "catalyst-library.port-of" -}}
{{- $parts := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $parts.host | trimPrefix ":" -}}
{{- $port | default (get (dict "nats" "4222" "tls" "4222" "ws" "80" "http" "80" "wss" "443" "https" "443") $parts.scheme) -}}
{{- end -}}

{{/* One rule of egress: anybody at this TCP port. */}}
{{- define "catalyst-library.egress-to-port" -}}
- ports:
    - port: {{ . }}
      protocol: TCP
{{- end -}}

{{/*
Closed but for what the member needs. Takes a dict:
  root   the chart's context
  from   names of the members that call this one; empty for anybody
  calls  addresses that this member calls, besides the broker
*/}}
{{- define "catalyst-library.network-policy" -}}
{{- $root := .root -}}
{{- $policy := $root.Values.networkPolicy -}}
{{- $broker := include "catalyst-library.broker-url" $root -}}
{{- $shared := include "catalyst-library.shared-settings" $root | fromYaml -}}
{{- $calls := .calls | default list -}}
{{- with $shared.CATALYST_OTLP_ENDPOINT }}{{ $calls = append $calls . }}{{ end -}}
{{- range splitList " " ($shared.CATALYST_OTHER_ISSUERS | default "") -}}
{{- with regexFind "=https?://.*" . }}{{ $calls = append $calls (trimPrefix "=" .) }}{{ end -}}
{{- end -}}
{{- $ports := list -}}
{{- range $calls }}{{ $ports = append $ports (include "catalyst-library.port-of" .) }}{{ end -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "catalyst-library.fullname" $root }}
  labels:
    {{- include "catalyst-library.labels" $root | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "catalyst-library.selector" $root | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - ports:
        - port: http
          protocol: TCP
      {{- if or .from $policy.from }}
      from:
        {{- range .from }}
        - podSelector:
            matchLabels:
              app.kubernetes.io/part-of: catalyst
              app.kubernetes.io/name: {{ . }}
        {{- end }}
        {{- with $policy.from }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
  egress:
    - ports:
        - port: 53
          protocol: UDP
        - port: 53
          protocol: TCP
    - ports:
        - port: {{ include "catalyst-library.port-of" $broker }}
          protocol: TCP
      {{- with $policy.brokerAt }}
      to:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- range $ports | uniq | sortAlpha }}
    {{- include "catalyst-library.egress-to-port" . | nindent 4 }}
    {{- end }}
    {{- with $policy.egress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
