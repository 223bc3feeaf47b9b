// An authorisation server for tests: oidc-provider, told by a JSON file what to be.
// usage: node oidc.mjs <config.json> <folder with node_modules>; prints {"issuer": ...} when it listens on 127.0.0.1.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

const [, , configFile, peers] = process.argv;
const config = JSON.parse(readFileSync(configFile, 'utf8'));
const require = createRequire(path.join(peers, 'package.json'));
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const algorithms = ['RS384', 'ES384'];
  const provider = new Provider(issuer, {
    clients: config.clients,
    jwks: config.jwks,
    scopes: ['openid', 'offline_access', 'fhirUser', 'launch', ...config.scopes],
    claims: { openid: ['sub'], fhirUser: ['fhirUser'] },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async (ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
    clientAuthMethods: ['private_key_jwt', 'none'],
    enabledJWA: { clientAuthSigningAlgValues: algorithms, idTokenSigningAlgValues: ['RS256', 'ES384'] },
    cookies: { keys: ['for tests only'] },
    ttl: { AccessToken: config.ttl, ClientCredentials: config.ttl, Grant: 3600, IdToken: 300, Interaction: 600, Session: 600, RefreshToken: 3600 },
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => config.audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: config.scopes.join(' '),
          audience: config.audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES384' } },
        }),
      },
    },
    findAccount: (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, fhirUser: `${config.audience}/Practitioner/${id}` }) }),
  });
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (request.url !== '/.well-known/smart-configuration') return answer(request, response);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({
      issuer,
      jwks_uri: `${issuer}/jwks`,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      introspection_endpoint: `${issuer}/token/introspection`,
      revocation_endpoint: `${issuer}/token/revocation`,
      grant_types_supported: ['authorization_code', 'client_credentials', 'refresh_token'],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: algorithms,
      scopes_supported: config.scopes,
      code_challenge_methods_supported: ['S256'],
      capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2', 'sso-openid-connect'],
    }));
  });
  console.log(JSON.stringify({ issuer }));
});
