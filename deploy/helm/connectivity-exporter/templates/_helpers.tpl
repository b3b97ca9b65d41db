{{/* What kind of thing this is. */}}
{{- define "connectivity.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* The name of a release's things, with room for an exporter's behind it. */}}
{{- define "connectivity.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 30 | trimSuffix "-" }}
{{- else if contains (include "connectivity.name" .) .Release.Name -}}
{{ .Release.Name | trunc 30 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "connectivity.name" .) | trunc 30 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{/* What selects every exporter of a release: never changed by an upgrade. */}}
{{- define "connectivity.selector" -}}
app.kubernetes.io/name: {{ include "connectivity.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of everything. */}}
{{- define "connectivity.labels" -}}
{{ include "connectivity.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "connectivity.serviceAccount" -}}
{{ default (ternary (include "connectivity.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end -}}

{{/* A tag, or a digest in its place. */}}
{{- define "connectivity.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end -}}
{{- end -}}

{{/* How Prometheus asks: of a PodMonitor's or a ServiceMonitor's endpoint, but for its relabelings. */}}
{{- define "connectivity.endpoint" -}}
{{- $monitor := .monitor -}}
{{- with .root -}}
port: http
path: /metrics
interval: {{ $monitor.interval }}
scrapeTimeout: {{ $monitor.scrapeTimeout }}
scheme: {{ ternary "https" "http" (ne .Values.web.secret "") }}
{{- with $monitor.metricRelabelings }}
metricRelabelings: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.web.secret }}
tlsConfig:
  ca:
    secret: {name: {{ . }}, key: ca.crt}
  {{- if $.root.Values.web.clientCertificate }}
  cert:
    secret: {name: {{ . }}, key: client.crt}
  keySecret: {name: {{ . }}, key: client.key}
  {{- end }}
  serverName: {{ $.root.Values.web.serverName }}
{{- if $.root.Values.web.password }}
basicAuth:
  username: {name: {{ . }}, key: username}
  password: {name: {{ . }}, key: password}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}
