// The panels: Grafana's own drawing components in thin wrappers, which also note what is
// drawn. State timelines are not published as a component; their bars are drawn here,
// with texts and colours as Grafana's field configuration gives them.
import * as D from '@grafana/data';
import * as S from '@grafana/scenes';
import { BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React from 'react';
import * as drawn from './drawn';
import { theme } from './grafana';

const text = (field: any, value: unknown) => D.formattedValueToString(field.display(value));

function Nothing({ panel }: any) {
  const said = panel.fieldConfig.defaults.noValue ?? 'No data';
  return <div style={{ display: 'grid', placeItems: 'center', height: panel.height, color: theme.colors.text.secondary }}>{said}</div>;
}

function Stat(panel: any) {
  const { options } = panel;
  const values = () =>
    D.getFieldDisplayValues({
      fieldConfig: panel.fieldConfig,
      reduceOptions: options.reduceOptions,
      replaceVariables: panel.replaceVariables,
      theme,
      data: panel.data.series,
      sparkline: options.graphMode !== 'none',
      timeZone: 'utc',
    });
  const shown = values().map(({ display, getLinks }: any) => ({
    text: D.formattedValueToString(display),
    color: display.color,
    title: display.title,
    links: (getLinks?.() ?? []).map((link: any) => link.href),
  }));
  drawn.panel(panel.title, panel.data.state, shown);
  return (
    <VizRepeater
      getValues={values}
      getAlignmentFactors={D.getDisplayValueAlignmentFactors}
      width={panel.width}
      height={panel.height}
      source={panel.data}
      renderCounter={panel.renderCounter}
      orientation={options.orientation === 'horizontal' ? ('horizontal' as any) : ('vertical' as any)}
      autoGrid={options.orientation === 'auto'}
      renderValue={({ value, width, height, alignmentFactors, count }: any) => (
        <BigValue
          value={value.display}
          sparkline={value.sparkline}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          textMode={options.textMode}
          justifyMode={options.justifyMode}
          alignmentFactors={alignmentFactors}
          text={options.text}
          width={width}
          height={height}
          theme={theme}
          count={count}
          wideLayout={options.wideLayout}
        />
      )}
    />
  );
}

function Table(panel: any) {
  const frame = panel.data.series[0];
  const fields = frame?.fields ?? [];
  drawn.panel(panel.title, panel.data.state, {
    fields: fields.map((field: any) => D.getFieldDisplayName(field, frame)),
    rows: fields.length ? Array.from({ length: frame.length }, (_, row) => fields.map((field: any) => text(field, field.values[row]))) : [],
    colors: fields.length ? Array.from({ length: frame.length }, (_, row) => fields.map((field: any) => field.display(field.values[row]).color)) : [],
    instead: frame?.length ? null : (panel.fieldConfig.defaults.noValue ?? 'No data'),
    links: fields.map((field: any) => (field.values.length ? (field.getLinks?.({ valueRowIndex: 0 }) ?? []).map((link: any) => link.href) : [])),
  });
  if (!frame?.length) {
    return <Nothing panel={panel} />;
  }
  return (
    <TableNG
      data={frame}
      width={panel.width}
      height={panel.height}
      timeRange={panel.timeRange}
      cellHeight={panel.options.cellHeight}
      structureRev={panel.data.structureRev}
      sortBy={panel.options.sortBy}
      getActions={() => []}
      {...({ sortByBehavior: 'initial' } as any)}
    />
  );
}

// As Grafana's own panel does before it draws: what is no number is a gap.
const finite = (values: number[]) => values.map((value) => (Number.isFinite(value) ? value : null));
const LINE = { drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, showPoints: 'never', spanNulls: false, axisPlacement: 'auto' };
const SHOWN = { hideFrom: { viz: false, legend: false, tooltip: false } };

function Graph(panel: any) {
  const frames = panel.data.series.map((frame: any) => ({
    ...frame,
    fields: frame.fields.map((field: any) =>
      field.type === 'number' ? { ...field, values: finite(field.values), config: { ...field.config, custom: { ...LINE, ...field.config.custom, ...SHOWN } } } : field
    ),
  }));
  drawn.panel(panel.title, panel.data.state, {
    series: frames.map((frame: any) => D.getFieldDisplayName(frame.fields[1], frame, frames)),
    last: frames.map((frame: any) => text(frame.fields[1], frame.fields[1].values.at(-1))),
  });
  if (!frames.length) {
    return <Nothing panel={panel} />;
  }
  return (
    <TimeSeries
      frames={frames}
      structureRev={panel.data.structureRev}
      timeRange={panel.timeRange}
      timeZone={['utc'] as any}
      width={panel.width}
      height={panel.height}
      legend={panel.options.legend}
      options={panel.options}
      {...({} as any)}
    />
  );
}

function bars(frame: any, field: any, end: number): any[] {
  const times = frame.fields.find((one: any) => one.type === 'time');
  const step = times.config.interval;
  const found: any[] = [];
  field.values.forEach((value: number, i: number) => {
    const from = times.values[i];
    const to = Math.min(end, from + step);
    const last = found.at(-1);
    const said = field.display(value);
    if (last && last.text === said.text && from - last.to <= step) {
      last.to = to;
    } else {
      found.push({ from, to, text: said.text, color: said.color });
    }
  });
  return found;
}

const AXIS = 18;

// Round times between two others, at most so many.
function hours(start: number, end: number, most: number) {
  const minute = 60_000;
  const step = [1, 5, 15, 30, 60, 180, 360, 1440].map((n) => n * minute).find((n) => (end - start) / n <= most) ?? end - start;
  const first = Math.ceil(start / step) * step;
  const times = Array.from({ length: Math.max(0, Math.floor((end - first) / step) + 1) }, (_, i) => first + i * step);
  return times.filter((time) => time < end - (end - start) / 40).map((time) => ({ time, said: D.dateTimeFormat(time, { format: 'HH:mm', timeZone: 'utc' }) }));
}

function Timeline(panel: any) {
  const [start, end] = [panel.timeRange.from.valueOf(), panel.timeRange.to.valueOf()];
  const rows = panel.data.series.flatMap((frame: any) =>
    frame.fields
      .filter((field: any) => field.type !== 'time')
      .map((field: any) => ({ name: D.getFieldDisplayName(field, frame, panel.data.series), bars: bars(frame, field, end) }))
  );
  drawn.panel(panel.title, panel.data.state, Object.fromEntries(rows.map((row: any) => [row.name, row.bars.map((bar: any) => [bar.text, bar.color])])));
  if (!rows.length) {
    return <Nothing panel={panel} />;
  }
  const shown = rows.slice(0, panel.options.perPage ?? rows.length);
  const short = (name: string) => (name.length > 52 ? `${name.slice(0, 51)}…` : name);
  const label = Math.min(360, 16 + 6.4 * Math.max(...shown.map((row: any) => row.name.length)));
  const width = panel.width - label;
  const height = Math.min(34, (panel.height - AXIS) / shown.length);
  const x = (time: number) => label + ((Math.max(time, start) - start) / (end - start)) * width;
  return (
    <svg width={panel.width} height={panel.height} fontSize={11} fontFamily="Inter">
      {shown.map((row: any, i: number) => (
        <g key={i} transform={`translate(0,${i * height})`}>
          <text x={label - 8} y={height * 0.65} textAnchor="end" fill={theme.colors.text.primary}>{short(row.name)}</text>
          {row.bars.map((bar: any, k: number) => (
            <g key={k}>
              <rect x={x(bar.from)} width={Math.max(1, x(bar.to) - x(bar.from))} y={height * 0.07} height={height * 0.86} fill={bar.color} fillOpacity={0.75} />
              {x(bar.to) - x(bar.from) > bar.text.length * 7 && <text x={x(bar.from) + 5} y={height * 0.65} fill="#111217">{bar.text}</text>}
            </g>
          ))}
        </g>
      ))}
      {hours(start, end, Math.floor(width / 110)).map(({ time, said }) => (
        <text key={time} x={x(time)} y={height * shown.length + 14} textAnchor="middle" fill={theme.colors.text.secondary}>{said}</text>
      ))}
    </svg>
  );
}

const CUSTOM = 'align inspect cellOptions width minWidth filterable hidden wrapHeaderText lineWidth fillOpacity drawStyle stacking thresholdsStyle showPoints axisSoftMin lineInterpolation spanNulls';
const custom = { editor: () => null, override: () => null, shouldApply: () => true, process: (D as any).identityOverrideProcessor };

function register(pluginId: string, component: any, standardOptions: any = {}) {
  const useCustomConfig = (builder: any) => CUSTOM.split(' ').forEach((id) => builder.addCustomEditor({ ...custom, id, path: id, name: id }));
  const plugin = new D.PanelPlugin(component).useFieldConfig({ standardOptions, useCustomConfig } as any);
  S.sceneUtils.registerRuntimePanelPlugin({ pluginId, plugin });
}

export function registerAll() {
  register('stat', Stat);
  register('table', Table);
  register('state-timeline', Timeline);
  const settings = { byValueSupport: true, bySeriesSupport: true, preferThresholdsMode: false };
  register('timeseries', Graph, { color: { settings, defaultValue: { mode: 'palette-classic' } } });
}
