import { defineConfig } from 'vitest/config';

// The proof of the Node version belongs to `npm run test:node24` alone, which sets the variable.
const onNode24 = process.env['FENCELINE_TEST_NODE'] !== undefined;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: onNode24 ? [] : ['test/node24/**'],
    typecheck: { include: ['test/**/*.test-d.ts'], tsconfig: 'tsconfig.test.json' },
  },
});
