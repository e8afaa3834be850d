// Proves that src/api/schema.d.ts is what the checked-in description of the API generates; exits 1 when it is not.
import { readFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';

const wanted = astToString(await openapiTS(new URL('../../openapi/emberwatch.json', import.meta.url)));
const had = readFileSync(new URL('../src/api/schema.d.ts', import.meta.url), 'utf8');
// The command line puts a banner before what the library makes.
if (!had.endsWith(wanted)) {
  console.error('src/api/schema.d.ts is stale: run `npm run generate`');
  process.exit(1);
}
console.log('src/api/schema.d.ts is fresh');
