{{/*
Everything that a member needs on a cluster. A chart of a member is one call of this. Takes a dict:
  root      the chart's context
  settings  variables of this member alone, name → value
  from      names of the members that call this one over HTTP; empty for anybody
  calls     addresses that this member calls, besides the broker
  state     see "catalyst-library.deployment"
  single    see "catalyst-library.deployment"
*/}}
{{- define "catalyst-library.member" -}}
{{- $root := .root -}}
{{- $objects := list (include "catalyst-library.deployment" .) (include "catalyst-library.service" $root) -}}
{{- if $root.Values.serviceAccount.create -}}
{{- $objects = append $objects (include "catalyst-library.serviceaccount" $root) -}}
{{- end -}}
{{- if $root.Values.networkPolicy.enabled -}}
{{- $objects = append $objects (include "catalyst-library.network-policy" .) -}}
{{- end -}}
{{- if $root.Values.podDisruptionBudget.enabled -}}
{{- $objects = append $objects (include "catalyst-library.disruption-budget" $root) -}}
{{- end -}}
{{- join "\n---\n" $objects -}}
{{- end -}}
