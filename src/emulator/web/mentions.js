// `@Echo` in the message field, `[USER=101]Echo[/USER]` in the request: the mentioned names, and conversions in both directions.

const CODE = /\[user=(\d+)[^\]]*\]([^[]*)\[\/user\]/gi;

export function mentions() {
  const known = new Map();
  return {
    add: (name, id) => known.set(name, id),
    /// What is sent: every known `@Name` as BB code, the longest names first so that "Ann Meyer" is not read as "Ann".
    toCode(text) {
      const names = [...known.keys()].sort((left, right) => right.length - left.length);
      if (!names.length) return text;
      const any = new RegExp(`(^|[^\\p{L}\\p{N}])@(${names.map(literal).join("|")})(?![\\p{L}\\p{N}])`, "gu");
      return text.replace(any, (_, before, name) => `${before}[USER=${known.get(name)}]${name}[/USER]`);
    },
    /// What is shown for editing; `nameOf(id, written)` gives the name to write.
    toWords(text, nameOf) {
      return text.replace(CODE, (_, id, written) => {
        const name = nameOf(Number(id), written);
        known.set(name, Number(id));
        return `@${name}`;
      });
    },
  };
}

function literal(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
