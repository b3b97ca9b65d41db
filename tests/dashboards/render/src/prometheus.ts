// Grafana's query back end, as far as it is needed: it runs PromQL against Prometheus'
// HTTP API, fills in the time macros, and shapes the answer into data frames.
import * as drawn from './drawn';

let scrape = 60;

export function scrapedEvery(seconds: number) {
  scrape = seconds;
}

export async function get(url: string): Promise<any> {
  const body = await drawn.busy(async () => (await fetch(url)).json());
  if (body.status === 'error') {
    throw new Error(body.error);
  }
  return body;
}

const duration = (seconds: number) => (seconds < 1 ? `${Math.round(seconds * 1000)}ms` : `${Math.round(seconds)}s`);

function filledIn(expr: string, range: number, step: number): string {
  const macros: Record<string, string> = {
    __rate_interval: duration(Math.max(step + scrape, 4 * scrape)),
    __interval: duration(step),
    __range_s: String(Math.round(range)),
    __range: duration(range),
  };
  return expr.replace(/\$\{?(__\w+)\}?/g, (whole, name) => macros[name] ?? whole);
}

function seriesName(query: any, labels: Record<string, string>, expr: string): string {
  if (query.legendFormat && query.legendFormat !== '__auto') {
    return query.legendFormat.replace(/\{\{\s*(.+?)\s*\}\}/g, (_: string, key: string) => labels[key] ?? '');
  }
  const { __name__ = '', ...rest } = labels;
  const text = Object.entries(rest).map(([key, value]) => `${key}="${value}"`);
  return __name__ || text.length ? `${__name__}{${text.join(', ')}}` : expr;
}

function frame(query: any, result: any, expr: string, step: number) {
  const points: Array<[number, string]> = result.values ?? [result.value];
  const name = seriesName(query, result.metric, expr);
  const kind = result.values ? 'matrix' : 'vector';
  const type = result.values ? 'timeseries-multi' : 'numeric-multi';
  return {
    schema: {
      refId: query.refId,
      name,
      meta: { type, typeVersion: [0, 1], custom: { resultType: kind }, executedQueryString: `Expr: ${expr}` },
      fields: [
        { name: 'Time', type: 'time', typeInfo: { frame: 'time.Time' }, config: { interval: step * 1000 } },
        {
          name: 'Value',
          type: 'number',
          typeInfo: { frame: 'float64' },
          labels: result.metric,
          config: { displayNameFromDS: name },
        },
      ],
    },
    data: { values: [points.map(([time]) => time * 1000), points.map(([, value]) => parseFloat(value))] },
  };
}

async function run(query: any, from: number, to: number) {
  const step = Math.max(scrape, Math.ceil((to - from) / (query.maxDataPoints || 1000)), (query.intervalMs || 0) / 1000);
  const expr = filledIn(query.expr, to - from, step);
  const instant = query.instant && !query.range;
  const start = Math.floor(from / step) * step;
  const ask = encodeURIComponent(expr);
  try {
    const body = await get(
      instant
        ? `/prom/api/v1/query?time=${to}&query=${ask}`
        : `/prom/api/v1/query_range?start=${start}&end=${to}&step=${step}&query=${ask}`
    );
    drawn.queries.push({ expr, series: body.data.result.length });
    return { status: 200, frames: body.data.result.map((result: any) => frame(query, result, expr, step)) };
  } catch (error: any) {
    drawn.errors.push(`query ${expr}: ${error.message}`);
    return { status: 400, error: error.message, frames: [] };
  }
}

export async function answer(body: any) {
  const results: Record<string, unknown> = {};
  for (const query of body.queries) {
    results[query.refId] = await run(query, +body.from / 1000, +body.to / 1000);
  }
  return { results };
}
