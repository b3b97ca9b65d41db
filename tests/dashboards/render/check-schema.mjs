// Type checks dashboards against the schema that Grafana publishes.
//
// Arguments: dashboard files. The dashboard as a whole is checked as `Dashboard`, each
// panel's options as the options of its kind, and its settings of fields, those of
// overrides too, as the settings of its kind.
// Prints the compiler's complaints; the exit status is the compiler's.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const KINDS = {
  stat: ['stat', 'StatPanelCfg'],
  table: ['table', 'TablePanelCfg'],
  timeseries: ['timeseries', 'TimeSeriesPanelCfg'],
  'state-timeline': ['statetimeline', 'StateTimelinePanelCfg'],
};
// In JSON an enum is its text.
const HEAD = `import type { Dashboard, FieldConfig } from '@grafana/schema';
type Json<T> = T extends string ? \`\${T}\` | T : T extends (...a: any) => any ? T
  : T extends Array<infer U> ? Array<Json<U>> : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
`;

// The schema knows only what all data sources have in common of an annotation's query.
function withoutQueries(board) {
  const list = board.annotations.list.map(({ target, expr, step, titleFormat, textFormat, tagKeys, ...rest }) => rest);
  return { ...board, annotations: { list } };
}

// The defaults and each override, as objects alike.
function settings({ defaults, overrides }) {
  const overridden = overrides.map(({ properties }) => {
    const all = { custom: {} };
    for (const { id, value } of properties) {
      const own = id.startsWith('custom.');
      (own ? all.custom : all)[own ? id.slice('custom.'.length) : id] = value;
    }
    return all;
  });
  return [{ custom: {}, ...defaults }, ...overridden];
}

function source(board) {
  const lines = [HEAD];
  for (const [kind, [folder, file]] of Object.entries(KINDS)) {
    const module = `@grafana/schema/dist/esm/raw/composable/${folder}/panelcfg/x/${file}_types.gen`;
    lines.push(`import type * as ${folder} from '${module}';`);
  }
  lines.push(`export const board: Json<Dashboard> = ${JSON.stringify(withoutQueries(board))};`);
  board.panels.forEach((panel, i) => {
    const kind = KINDS[panel.type];
    if (!kind) {
      throw new Error(`no schema for ${panel.type}`);
    }
    lines.push(`export const options${i}: Json<Partial<${kind[0]}.Options>> = ${JSON.stringify(panel.options)};`);
    settings(panel.fieldConfig).forEach(({ custom, ...standard }, k) => {
      lines.push(`export const standard${i}_${k}: Json<Partial<FieldConfig>> = ${JSON.stringify(standard)};`);
      if (Object.keys(custom).length) {
        lines.push(`export const custom${i}_${k}: Json<Partial<${kind[0]}.FieldConfig>> = ${JSON.stringify(custom)};`);
      }
    });
  });
  return lines.join('\n');
}

const here = import.meta.dirname;
const folder = path.join(here, 'out', 'schema');
fs.mkdirSync(folder, { recursive: true });
const files = process.argv.slice(2).map((file) => {
  const target = path.join(folder, `${path.basename(file, '.json')}.ts`);
  fs.writeFileSync(target, source(JSON.parse(fs.readFileSync(file, 'utf8'))));
  return target;
});
const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2022'];
const tsc = spawnSync(process.execPath, [path.join(here, 'node_modules/typescript/bin/tsc'), ...flags, ...files], { encoding: 'utf8' });
process.stdout.write(tsc.stdout + tsc.stderr);
process.exit(tsc.status ?? 1);
