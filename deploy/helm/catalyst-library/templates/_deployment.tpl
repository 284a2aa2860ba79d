{{/*
The Deployment of a member. Takes a dict:
  root      the chart's context
  settings  variables of this member alone, name → value
  state     (dict "claim" <name> "path" <folder>) where the member keeps files, else nothing;
            with "readOnly" true where it only reads them
  single    true if two pods must not run at once
*/}}
{{- define "catalyst-library.deployment" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "catalyst-library.fullname" $root }}
  labels:
    {{- include "catalyst-library.labels" $root | nindent 4 }}
spec:
  replicas: {{ $values.replicas }}
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      {{- include "catalyst-library.selector" $root | nindent 6 }}
  strategy:
    {{- if .single }}
    type: Recreate
    {{- else }}
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
    {{- end }}
  template:
    metadata:
      labels:
        {{- include "catalyst-library.labels" $root | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "catalyst-library.serviceaccount-name" $root }}
      automountServiceAccountToken: false
      # Variables that Kubernetes makes of Services' names would be taken for settings.
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- with $values.imagePullSecrets | default ($values.global).imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        {{- with $values.user }}
        runAsUser: {{ int64 . }}
        runAsGroup: {{ int64 . }}
        fsGroup: {{ int64 . }}
        fsGroupChangePolicy: OnRootMismatch
        {{- end }}
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: {{ $root.Chart.Name }}
          image: {{ include "catalyst-library.image" $root | quote }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          env:
            {{- include "catalyst-library.environment" . | nindent 12 }}
          ports:
            - name: http
              containerPort: {{ include "catalyst-library.port" $root }}
              protocol: TCP
          startupProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 2
            timeoutSeconds: 3
            failureThreshold: {{ div (add $values.startupSeconds 1) 2 }}
          livenessProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          {{- with $values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          volumeMounts:
            - name: secret
              mountPath: {{ include "catalyst-library.secret-folder" $root }}
              readOnly: true
            - name: scratch
              mountPath: /tmp
            {{- with .state }}
            - name: state
              mountPath: {{ .path }}
              {{- if .readOnly }}
              readOnly: true
              {{- end }}
            {{- end }}
      volumes:
        - name: secret
          secret:
            secretName: {{ include "catalyst-library.secret-name" $root }}
            # Its owner is root; the pod's group reads it.
            defaultMode: 0440
        - name: scratch
          emptyDir:
            sizeLimit: 256Mi
        {{- with .state }}
        - name: state
          {{- if .claim }}
          persistentVolumeClaim:
            claimName: {{ .claim }}
          {{- else }}
          emptyDir: {}
          {{- end }}
        {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        {{- if $values.topologySpreadConstraints }}
        {{- toYaml $values.topologySpreadConstraints | nindent 8 }}
        {{- else }}
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "catalyst-library.selector" $root | nindent 14 }}
        {{- end }}
{{- end -}}
