// What was drawn, kept for the tests: they assert on texts and colours, not on pixels.

export const errors: string[] = [];
export const queries: Array<{ expr: string; series: number }> = [];
const panels: Record<string, unknown> = {};
const states: Record<string, string> = {};
let expected: string[] = [];
let pending = 0;
let quietSince = 0;
let variables: () => unknown = () => ({});

window.addEventListener('error', (event) => errors.push(String(event.error?.stack ?? event.message)));
window.addEventListener('unhandledrejection', (event) => errors.push(String(event.reason?.stack ?? event.reason)));

export function expect(titles: string[], readVariables: () => unknown) {
  expected = titles;
  variables = readVariables;
}

export function panel(title: string, state: string, what: unknown) {
  panels[title] = what;
  states[title] = state;
}

export async function busy<T>(work: () => Promise<T>): Promise<T> {
  pending += 1;
  try {
    return await work();
  } finally {
    pending -= 1;
    quietSince = performance.now();
  }
}

// The rows of every table as they stand on the screen, sorted, without what is out of view.
function shown(): Record<string, string[][]> {
  const found: Record<string, string[][]> = {};
  for (const section of document.querySelectorAll('section[data-testid*="Panel header"]')) {
    const title = section.getAttribute('data-testid')!.replace('data-testid Panel header ', '');
    const rows = [...section.querySelectorAll('[role=row]')].map((row) => [...row.querySelectorAll<HTMLElement>('[role=gridcell]')].map((cell) => cell.innerText.trim()));
    found[title] = rows.filter((row) => row.length > 0);
  }
  return found;
}

(window as any).drawn = {
  // Queries follow each other, so there must be a moment without any.
  settled: () =>
    pending === 0 &&
    expected.length > 0 &&
    performance.now() - quietSince > 700 &&
    expected.every((title) => states[title] === 'Done' || states[title] === 'Error'),
  report: () => ({ panels, shown: shown(), errors, queries, missing: expected.filter((t) => !(t in panels)), variables: variables() }),
};
