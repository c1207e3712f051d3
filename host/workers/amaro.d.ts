interface Amaro {
  transformSync(source: string, options: { mode: "strip-only"; filename?: string }): { code: string };
}
declare const amaro: Amaro & { default?: Amaro };
export default amaro;
export function transformSync(source: string, options: { mode: "strip-only"; filename?: string }): { code: string };
