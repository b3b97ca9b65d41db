{{/* The name of a release's things. */}}
{{- define "connectivity.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 30 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 30 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{/* What selects every exporter of a release. */}}
{{- define "connectivity.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/part-of: {{ include "connectivity.name" . }}
{{- end -}}

{{/* Labels of everything. */}}
{{- define "connectivity.labels" -}}
{{ include "connectivity.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* How Prometheus asks: of a PodMonitor's or a ServiceMonitor's endpoint. */}}
{{- define "connectivity.endpoint" -}}
port: http
path: /metrics
interval: {{ .Values.monitor.interval }}
scrapeTimeout: {{ .Values.monitor.scrapeTimeout }}
scheme: {{ ternary "https" "http" (ne .Values.web.secret "") }}
{{- with .Values.web.secret }}
tlsConfig:
  ca:
    secret: {name: {{ . }}, key: ca.crt}
  {{- if $.Values.web.clientCertificate }}
  cert:
    secret: {name: {{ . }}, key: client.crt}
  keySecret: {name: {{ . }}, key: client.key}
  {{- end }}
  serverName: {{ $.Values.web.serverName }}
{{- if $.Values.web.password }}
basicAuth:
  username: {name: {{ . }}, key: username}
  password: {name: {{ . }}, key: password}
{{- end }}
{{- end }}
{{- end -}}
