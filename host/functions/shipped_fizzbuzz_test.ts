import fizzbuzz from "../../plugins/functions/fizzbuzz/task.ts";
import { shipped } from "../testing/shipped.ts";

shipped("fizzbuzz", fizzbuzz, ["compile", "better", "better"]);
