import { readFileSync } from 'node:fs';
import type { ServiceModel } from './model.ts';

/** @param name of a file in `src/aws/models/` without `.json` */
export function loadModel(name: 'lambda-microvms' | 'lambda-core'): ServiceModel {
  return JSON.parse(readFileSync(new URL(`../models/${name}.json`, import.meta.url), 'utf8'));
}
