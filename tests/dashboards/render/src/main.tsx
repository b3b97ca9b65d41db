// Draws one classic dashboard with Grafana's front-end libraries.
import { ThemeContext } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import * as S from '@grafana/scenes';
import { GlobalStyles } from '@grafana/ui';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { MemoryRouter } from 'react-router-dom';
import * as drawn from './drawn';
import { setUp, theme, use } from './grafana';
import { registerAll } from './panels';
import { scrapedEvery } from './prometheus';

function variable(given: any, chosen: Record<string, string>): any {
  const { name, label } = given;
  if (given.type === 'datasource') {
    return new S.DataSourceVariable({ name, label, pluginId: given.query, value: 'prom', text: 'Prometheus' });
  }
  const first = given.includeAll ? { value: '$__all', text: 'All' } : { value: '', text: '' };
  const value = name in chosen ? { value: chosen[name], text: chosen[name] } : first;
  const { datasource, query, refresh, sort, hide, includeAll, allValue, multi } = given;
  return new S.QueryVariable({ name, label, datasource, query, refresh, sort, hide, includeAll, allValue, isMulti: multi, ...value });
}

function panel(given: any): any {
  const queries = new S.SceneQueryRunner({ datasource: given.datasource, queries: given.targets, maxDataPoints: given.maxDataPoints });
  const transformations = given.transformations ?? [];
  const $data = transformations.length ? new S.SceneDataTransformer({ $data: queries, transformations }) : queries;
  const { title, description, options, fieldConfig } = given;
  const body = new S.VizPanel({ key: `panel-${given.id}`, title, description, pluginId: given.type, options, fieldConfig, $data });
  const { x, y, w: width, h: height } = given.gridPos;
  return new S.SceneGridItem({ key: `item-${given.id}`, x, y, width, height, body });
}

function scene({ dashboard, from, to, variables = {} }: any): any {
  const set = dashboard.templating.list.map((given: any) => variable(given, variables));
  return new S.EmbeddedScene({
    $timeRange: new S.SceneTimeRange({ from, to, timeZone: 'utc' }),
    $variables: new S.SceneVariableSet({ variables: set }),
    controls: [new S.VariableValueSelectors({}), new S.SceneControlsSpacer(), new S.SceneTimePicker({})],
    body: new S.SceneGridLayout({ isDraggable: false, isResizable: false, children: dashboard.panels.map(panel) }),
  });
}

function options(current: any) {
  const state = current.state.$variables.state.variables.map((one: any) => one.state);
  return Object.fromEntries(state.map((one: any) => [one.name, (one.options ?? []).map((option: any) => option.value)]));
}

async function main() {
  setUp();
  registerAll();
  await initPluginTranslations('dashboards');
  await (S as any).loadResources?.('en-US');
  const shot = await (await fetch('/shot.json')).json();
  scrapedEvery(shot.scrape);
  const current = scene(shot);
  use(current);
  drawn.expect(shot.dashboard.panels.map((one: any) => one.title), () => options(current));
  const box: React.CSSProperties = {
    display: 'flex',
    flexDirection: 'column',
    boxSizing: 'border-box',
    width: shot.width,
    height: shot.height,
    padding: 8,
    background: theme.colors.background.canvas,
    color: theme.colors.text.primary,
  };
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <MemoryRouter>
        <div style={box}>
          <h4>{shot.dashboard.title}</h4>
          <current.Component model={current} />
        </div>
      </MemoryRouter>
    </ThemeContext.Provider>
  );
}

main().catch((error) => drawn.errors.push(`start: ${error.stack}`));
