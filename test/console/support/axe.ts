// The accessibility check of axe-core, run inside of the page.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Report {
  violations: { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }[];
  /** How many rules were looked at and held. */
  passed: number;
}

/** Findings that axe calls serious or critical, each as one line. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Into a world of its own, which the page's content security policy does not bind.
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId: contextId } = await session.send('Page.createIsolatedWorld', {
    frameId: frameTree.frame.id,
  });
  await session.send('Runtime.evaluate', { contextId, expression: source });
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    contextId,
    expression:
      // What passed is counted, not described.
      "axe.run({ resultTypes: ['violations'] }).then(({ violations, passes }) =>" +
      ' JSON.stringify({ violations, passed: passes.length }))',
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  if (exceptionDetails) throw new Error(exceptionDetails.text);
  const { violations, passed } = JSON.parse(result.value) as Report;
  if (passed < 10) throw new Error(`axe looked at ${passed} rules only`);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target}: ${failureSummary}`),
    );
}
