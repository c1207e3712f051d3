interface Amaro {
  transformSync(source: string, options: { mode: "strip-only" }): { code: string };
}
declare const amaro: Amaro & { default?: Amaro };
export const transformSync: Amaro["transformSync"];
declare const fallback: Amaro | undefined;
export default fallback;
