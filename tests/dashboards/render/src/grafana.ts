// What Grafana's core sets up before its libraries can be used: theme, registries, and
// the services that panels and variables call.
import * as D from '@grafana/data';
import { PrometheusDatasource } from '@grafana/prometheus';
import * as R from '@grafana/runtime';
import * as S from '@grafana/scenes';
import { Observable, from, of } from 'rxjs';
import * as drawn from './drawn';
import { answer, get } from './prometheus';

export const theme = D.createTheme({ colors: { mode: 'dark' } });
let scene: any;
let datasource: any;

export function use(current: unknown) {
  scene = current;
}

function configure() {
  const config = R.config as any;
  config.theme2 = theme;
  config.featureToggles = {};
  config.buildInfo = { version: '13.1.1', edition: 'OSS' };
  const user = { orgRole: 'Admin', isSignedIn: true, timezone: 'utc', weekStart: 'monday', permissions: {} };
  config.bootData = { user, settings: {}, navTree: [] };
  D.setTimeZoneResolver(() => 'utc');
}

const plain = { editor: () => null, override: () => null, shouldApply: () => true, settings: {} };

function standardFields(): any[] {
  const data = D as any;
  const processors: Record<string, unknown> = {
    displayName: data.displayNameOverrideProcessor,
    unit: data.unitOverrideProcessor,
    min: data.numberOverrideProcessor,
    max: data.numberOverrideProcessor,
    fieldMinMax: data.booleanOverrideProcessor,
    decimals: data.numberOverrideProcessor,
    thresholds: data.thresholdsOverrideProcessor,
    mappings: data.valueMappingsOverrideProcessor,
    links: data.dataLinksOverrideProcessor,
    filterable: data.booleanOverrideProcessor,
  };
  for (const id of ['description', 'noValue', 'color', 'actions']) {
    processors[id] = data.identityOverrideProcessor;
  }
  const steps = [{ value: -Infinity, color: 'green' }, { value: 80, color: 'red' }];
  const defaults: Record<string, unknown> = {
    color: { mode: 'thresholds' },
    thresholds: { mode: 'absolute', steps },
    mappings: [],
  };
  return Object.entries(processors).map(([id, process]) => ({
    ...plain,
    id,
    path: id,
    name: id,
    process: process ?? data.identityOverrideProcessor,
    getItemsCount: () => 0,
    ...(id in defaults ? { defaultValue: defaults[id] } : {}),
  }));
}

function fillRegistries() {
  const editors = 'number slider text strings boolean select radio multi-select unit links color fieldColor stats-picker thresholds mappings timezone field-name dashboard-uid actions';
  D.standardFieldConfigEditorRegistry.setInit(standardFields);
  D.standardEditorsRegistry.setInit(() => editors.split(' ').map((id) => ({ id, name: id, editor: () => null })) as any);
  D.standardTransformersRegistry.setInit(() => {
    const unique = new Map(Object.values(D.standardTransformers).map((t: any) => [t.id, t]));
    return [...unique.values()].map((t: any) => ({ ...plain, id: t.id, aliasIds: [], name: t.name, description: '', transformation: async () => t })) as any;
  });
}

const settings: any = {
  id: 1,
  uid: 'prom',
  name: 'Prometheus',
  type: 'prometheus',
  access: 'proxy',
  url: '/prom',
  isDefault: true,
  readOnly: true,
  jsonData: { httpMethod: 'GET', disableRecordingRules: true },
  meta: { id: 'prometheus', name: 'Prometheus', type: 'datasource', info: { logos: { small: '', large: '' } }, module: '', baseUrl: '' },
};

async function reply(options: any): Promise<any> {
  if (options.url.startsWith('/api/ds/query')) {
    return answer(options.data);
  }
  const resource = /\/api\/datasources\/(?:uid\/)?[^/]+\/resources\/(.*)/.exec(options.url);
  if (!resource) {
    drawn.errors.push(`no answer for ${options.url}`);
    return {};
  }
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(options.params ?? options.data ?? {})) {
    [value].flat().forEach((one) => parameters.append(key, String(one)));
  }
  return get(`/prom/${resource[1]}${resource[1].includes('?') ? '&' : '?'}${parameters}`);
}

const backend: any = {
  fetch: (options: any) =>
    from(
      reply(options).then((data) => ({ data, status: 200, ok: true, config: options, headers: new Headers(), statusText: 'OK', type: 'basic', url: options.url, redirected: false }))
    ),
  get: async () => ({}),
  post: async () => ({}),
  datasourceRequest: async () => ({}),
  resolveCancelerIfExists() {},
  cancelAllInFlightRequests() {},
};

const templates: any = {
  replace: (text: string, scoped: any, format: any) =>
    S.sceneGraph.interpolate(scoped?.__sceneObject?.value?.valueOf?.() ?? scene, text ?? '', scoped, format),
  getVariables: () => [],
  containsTemplate: (text: string) => /\$/.test(text ?? ''),
  updateTimeRange() {},
};

// The third argument, where given, asks the question instead of the data source; the
// queries of variables depend on it.
function runRequest(source: any, request: any, ask?: any): any {
  const asked = from(Promise.resolve().then(() => (ask ? ask(request) : source.query(request))));
  const state = (series: any[], error?: any) => ({ state: error ? 'Error' : 'Done', series, annotations: [], timeRange: request.range, request, error });
  return new Observable((out) => {
    asked.subscribe({
      next: (answered: any) => {
        (answered.subscribe ? answered : of(answered)).subscribe({
          next: (response: any) => {
            const frames = (response.data ?? []).map((one: any) => (one?.fields || one?.schema || one?.columns ? D.toDataFrame(one) : one));
            out.next(state(frames, response.error ?? response.errors?.[0]));
          },
          error: (error: any) => out.next(state([], error)),
          complete: () => out.complete(),
        });
      },
      error: (error: any) => {
        drawn.errors.push(`request: ${error.stack}`);
        out.next(state([], { message: String(error) }));
      },
    });
  });
}

export function setUp() {
  configure();
  fillRegistries();
  R.setBackendSrv(backend);
  R.setTemplateSrv(templates);
  R.setDataSourceSrv({ get: async () => datasource, getList: () => [settings], getInstanceSettings: () => settings, reload() {} } as any);
  datasource = new (PrometheusDatasource as any)(settings, templates);
  Object.assign(datasource, { areExemplarsAvailable: async () => false, meta: settings.meta, uid: 'prom', type: 'prometheus', name: 'Prometheus' });
  R.setRunRequest(runRequest as any);
  R.setAppEvents?.(new D.EventBusSrv() as any);
  (R as any).setEchoSrv?.({ addEvent() {}, addBackend() {}, flush() {} });
  R.setPluginImportUtils({
    importPanelPlugin: async (id: string) => {
      drawn.errors.push(`no panel ${id}`);
      throw new Error(`no panel ${id}`);
    },
    getPanelPluginFromCache: () => undefined,
  } as any);
}
