/* How much a place counts in a search. A word of the glossary that is asked for exactly
   comes first, then what has it in its title, then lessons before the rest. */
var Scorer = {
  score: ([docname, title, anchor, descr, score, filename, kind]) => {
    if (kind === "index") return score === 100 ? 100 : score / 10;
    if (kind === "object") return score;
    if (/^lessons\//.test(docname)) return score + (anchor ? 4 : 12);
    if (/^(claims|grader)/.test(docname)) return score + 14;
    if (/^(course|guides\/)/.test(docname)) return score + 8;
    return score - (/^(api\/|benchmarks)/.test(docname) ? 4 : 0);
  },
  objNameMatch: 40,
  objPartialMatch: 4,
  objPrio: { 0: 5, 1: 3, 2: -5 },
  objPrioDefault: 0,
  title: 60,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
