import sort from "../../plugins/functions/sort/task.ts";
import { shipped } from "../testing/shipped.ts";

shipped("sort", sort, ["worse", "compile", "better", "better"]);
